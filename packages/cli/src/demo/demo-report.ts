import {
  bestOfTable,
  type EvaluatedPolicy,
  type ReportCompletion,
  type ReportInput,
  renderTextTable,
  resultTable,
  summarise,
} from '@dawngrad/eval';
import type { EvaluatedSamples } from './demo-evaluation.ts';
import type { DemoSettings } from './demo-settings.ts';
import type { DemoOutcome } from './run-demo.ts';

/** Where and on what the demo ran. */
export interface DemoRun {
  readonly command: string;
  readonly adapter: string;
  readonly driver: string;
  readonly commit: string;
  readonly wallSeconds: number;
}

/** What the report draws of each stage. */
const CURVES: Readonly<Record<string, readonly string[]>> = {
  'base model': ['loss'],
  SFT: ['loss', 'eval/accuracy'],
  GRPO: ['accuracy', 'kl', 'entropy'],
  'R-AIRL': ['accuracy', 'reward', 'disc/auroc', 'disc/acc', 'kl', 'entropy'],
};

/** How many pairs of completions the report shows. */
const SHOWN_PROMPTS = 3;

/** All that the report page and the closing table show. */
export function demoReport(outcome: DemoOutcome, settings: DemoSettings, run: DemoRun): ReportInput {
  const { reward, credit } = settings.irl;
  const critic = `R-AIRL critic, ${reward.granularity}${reward.granularity === 'interval' ? ` ${reward.intervalTokens}` : ''}`;
  const policies: EvaluatedPolicy[] = [
    { name: 'base', rows: outcome.base.rows },
    { name: 'SFT', rows: outcome.sft.rows, critic },
    { name: 'GRPO', rows: outcome.grpo.rows },
    { name: 'R-AIRL', rows: outcome.irl.rows, critic },
  ];
  const stages = outcome.stages.map((stage) => {
    const keys = CURVES[stage.name];
    return keys === undefined ? stage : { ...stage, keys };
  });
  const ks = [1, 3, 5, 10].filter((k) => k <= settings.evaluation.samplesPerPrompt);
  return {
    ...summarise(policies, stages, { ks, sizes: settings.evaluation.sizes, seed: settings.seed }),
    title: 'dawngrad demo: learning a reasoning reward from demonstrations',
    run: {
      command: run.command,
      config: JSON.stringify(settings, null, 2),
      model: `Llama, ${outcome.parameters.toLocaleString('en')} parameters, trained from random weights`,
      data: `inverse-rule chains (generated, seed ${settings.seed}); each look-up is written by a tool`,
      seed: settings.seed,
      adapter: run.adapter,
      driver: run.driver,
      commit: run.commit,
      wallSeconds: run.wallSeconds,
    },
    method: { granularity: reward.granularity, credit: credit.level, checkerUse: [], selection: 'last checkpoint' },
    completions: shownCompletions(outcome),
    notes: [
      `SFT keeps the checkpoint that was best on ${settings.sft.dev?.prompts ?? 0} dev problems, which uses the checker; this favours SFT. GRPO is rewarded by the checker and is the reference with a verifier. R-AIRL sees demonstrations and unlabelled prompts only.`,
      `The demonstrations show ${Math.round(100 * outcome.task.coverage.fraction)} % of the ${outcome.task.world.apply.length} facts of this world. SFT can learn those; what R-AIRL learns of the others it learns from prompts without an answer.`,
      'One seed: a single run moves by several points from seed to seed.',
    ],
  };
}

/** The tables that the demo ends with. */
export function demoTables(input: ReportInput): string {
  const tables = [renderTextTable(resultTable(input.results))];
  for (const rerank of input.rerank)
    tables.push(`best of N, ${rerank.policy} samples`, renderTextTable(bestOfTable(rerank.bestOfN)));
  return `${tables.join('\n\n')}\n`;
}

/**
 * Completions of a few prompts: a right and a wrong one where the SFT policy is now right, now wrong, and the
 * first two of other prompts where there are too few of these.
 */
function shownCompletions({ task, sft }: DemoOutcome): ReportCompletion[] {
  const pairs = task.test.map((prompt) => {
    const own = sft.records.filter((record) => record.promptId === prompt.id);
    const right = own.find((record) => record.correct);
    const wrong = own.find((record) => !record.correct && record.finish === 'end');
    const isContrast = right !== undefined && wrong !== undefined;
    return { prompt, isContrast, records: isContrast ? [right, wrong] : own.slice(0, 2) };
  });
  const ordered = [...pairs.filter(({ isContrast }) => isContrast), ...pairs.filter(({ isContrast }) => !isContrast)];
  return ordered
    .slice(0, SHOWN_PROMPTS)
    .flatMap(({ prompt, records }) => records.map((record) => completion(task, prompt.text, record)));
}

function completion(
  task: DemoOutcome['task'],
  prompt: string,
  record: EvaluatedSamples['records'][number],
): ReportCompletion {
  const pieces = task.pieces(record.completionIds);
  const rewards = record.critic;
  return {
    prompt,
    // Words of this task are single tokens; a line ends after each step.
    tokens: pieces.map((piece, t) => ({
      text: piece === ';' ? ';\n' : `${piece} `,
      reward: rewards?.[t] ?? null,
      forced: record.forced[t] === 1,
    })),
    correct: record.correct,
    gold: record.gold,
    answer: record.answerExtracted,
    score: rewards === undefined ? null : rewards.reduce((total, value) => total + value, 0) / rewards.length,
  };
}
