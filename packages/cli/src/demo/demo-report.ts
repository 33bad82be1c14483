import {
  bestOfTable,
  type EvaluatedPolicy,
  formatDuration,
  type ReportSummary,
  renderTextTable,
  resultTable,
  summarise,
} from '@dawngrad/eval';
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

/** What the demo keeps of its numbers in summary.json: the report is made of it and of the rows and metrics beside it. */
export interface DemoSummary {
  readonly schema: 2;
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** Remarks, a sentence each. */
  readonly notes: readonly string[];
  readonly summary: ReportSummary;
}

/** All that the closing tables show, and the report beside what lies in the folder anyway. */
export function demoSummary(outcome: DemoOutcome, settings: DemoSettings, run: DemoRun): DemoSummary {
  const { reward, credit } = settings.irl;
  const critic = `R-AIRL critic, ${reward.granularity}${reward.granularity === 'interval' ? ` ${reward.intervalTokens}` : ''}`;
  const policies: EvaluatedPolicy[] = [
    { name: 'base', rows: outcome.base.rows },
    { name: 'SFT', rows: outcome.sft.rows, critic },
    { name: 'GRPO', rows: outcome.grpo.rows },
    { name: 'R-AIRL', rows: outcome.irl.rows, critic },
  ];
  const ks = [1, 3, 5, 10].filter((k) => k <= settings.evaluation.samplesPerPrompt);
  return {
    schema: 2,
    title: 'dawngrad demo: learning a reasoning reward from demonstrations',
    facts: [
      ['command', run.command],
      ['model', `Llama, ${outcome.parameters.toLocaleString('en')} parameters, trained from random weights`],
      ['data', `inverse-rule chains (generated, seed ${settings.seed}); each look-up is written by a tool`],
      ['seed', String(settings.seed)],
      ['critic', `granularity ${reward.granularity}, pooling ${settings.pooling}, credit ${credit.level}`],
      ['checkpoint', 'the last one of R-AIRL and GRPO, the best one on dev problems of SFT'],
      ['adapter', run.adapter],
      ['driver', run.driver],
      ['commit', run.commit],
      ['wall time', formatDuration(run.wallSeconds)],
    ],
    notes: [
      'R-AIRL here is verifier-free: no answer checker took part in its reward, its labels or the choice of its checkpoint.',
      `SFT keeps the checkpoint that was best on ${settings.sft.dev?.prompts ?? 0} dev problems, which uses the checker; this favours SFT. GRPO is rewarded by the checker and is the reference with a verifier. R-AIRL sees demonstrations and unlabelled prompts only.`,
      `The demonstrations show ${Math.round(100 * outcome.task.coverage.fraction)} % of the ${outcome.task.world.apply.length} facts of this world. SFT can learn those; what R-AIRL learns of the others it learns from prompts without an answer.`,
      'One seed: a single run moves by several points from seed to seed.',
    ],
    summary: summarise(policies, { ks, sizes: settings.evaluation.sizes, seed: settings.seed }),
  };
}

/** The tables that the demo ends with. */
export function demoTables({ results, rerank: reranks }: ReportSummary): string {
  const tables = [renderTextTable(resultTable(results))];
  for (const rerank of reranks)
    tables.push(`best of N, ${rerank.policy} samples`, renderTextTable(bestOfTable(rerank.bestOfN)));
  return `${tables.join('\n\n')}\n`;
}
