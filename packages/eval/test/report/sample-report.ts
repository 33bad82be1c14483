import { Rng } from '@dawngrad/tensor';
import type { ReportCompletion } from '../../src/report/completion-blocks.ts';
import type { ReportInput } from '../../src/report/report-input.ts';
import type { MetricRow } from '../../src/report/stages.ts';
import { type EvaluatedPolicy, summarise } from '../../src/report/summarise.ts';
import { promptRows } from '../rows.ts';

/** Made-up completions of a policy: `skill` sets its accuracy, `acuity` how well the reward sees errors. */
function policy(name: string, skill: number, acuity: number | null, stream: number, prompts = 80): EvaluatedPolicy {
  const rng = new Rng(11, stream);
  const hardness = new Rng(11, 99);
  const rows = Array.from({ length: prompts }, (_, p) => {
    const chance = 1 / (1 + Math.exp(-(skill + 2.2 * hardness.normal(p, 0))));
    const samples = Array.from({ length: 16 }, (__, i) => {
      const correct = rng.uniform(p, i) < chance;
      const confused = rng.uniform(p, 500 + i) < 0.6;
      const answer = correct ? '4' : confused ? '7' : `${rng.integer(p, 700 + i, 4)}`;
      const score = acuity === null ? null : (correct ? acuity : -acuity) - 0.4 + 1.1 * rng.normal(p, 900 + i);
      return {
        correct,
        answer: answer === '4' && !correct ? '9' : answer,
        score,
        logprob: -0.4 + 0.1 * rng.normal(p, 1300 + i),
      };
    });
    return promptRows(`p${String(p).padStart(3, '0')}`, samples);
  });
  return { name, rows: rows.flat(), ...(acuity === null ? {} : { critic: 'the R-AIRL critic' }) };
}

function curve(
  steps: number,
  stream: number,
  at: (t: number, noise: (key: number) => number) => MetricRow,
): MetricRow[] {
  const rng = new Rng(5, stream);
  return Array.from({ length: steps }, (_, step) => ({ step, ...at(step / steps, (key) => rng.normal(step, key)) }));
}

function completion(
  i: number,
  lines: readonly (readonly [text: string, reward: number])[],
  correct: boolean,
): ReportCompletion {
  const pieces = lines.flatMap(([text, reward]) =>
    text.split(/(?<=\s)/).map((piece, at) => ({ piece, reward: reward + 0.07 * at })),
  );
  return {
    prompt: '<q> 8 f3 f8 f0 . <think>',
    place: i,
    pieces: pieces.map(({ piece }) => piece),
    text: pieces.map(({ piece }) => piece).join(''),
    rewards: pieces.map(({ reward }) => reward),
    logprobs: pieces.map((_, t) => -0.1 * (t % 5)),
    advantages: null,
    // The token after "=" is the result of the look-up, written by the tool.
    forced: pieces.flatMap((_, t) => (pieces[t - 1]?.piece.trim() === '=' ? [t] : [])),
    correct,
    gold: '9',
    answer: correct ? '9' : '1',
    score: pieces.reduce((sum, { reward }) => sum + reward, 0) / pieces.length,
  };
}

const completions: ReportCompletion[] = [
  completion(
    0,
    [
      ['then 8 : f3 2 = 8 ;\n', 1.6],
      ['then 2 : f8 9 = 2 ;\n', 1.9],
      ['</think> <answer> 9 </answer>', 2.1],
    ],
    true,
  ),
  completion(
    1,
    [
      ['so 8 : f3 2 = 8 ;\n', 1.2],
      ['thus 2 : f8 4 = 6 ;\n', -1.9],
      ['</think> <answer> 1 </answer>', -2.4],
    ],
    false,
  ),
];

/** A report with every section, on numbers invented for looking at the page. */
export function sampleReport(): ReportInput {
  const summary = summarise([
    policy('base', -0.8, null, 1),
    policy('SFT', 0.4, 1.1, 2),
    policy('GRPO', 1.1, null, 3),
    policy('R-AIRL', 1.2, 0.9, 4),
  ]);
  return {
    title: 'Learning to reason from demonstrations: inverse-rule chains',
    runs: [
      {
        name: 'demo',
        kind: 'demo',
        state: 'finished',
        facts: [
          ['command', 'npm run demo'],
          ['model', 'Llama, 2 layers, width 64, 112k parameters, pre-trained in this run'],
          ['seed', '1'],
        ],
        checkerUse: [],
        config: 'task:\n  name: inverse-rules\n',
        environment: null,
      },
    ],
    summary,
    stages: [
      {
        name: 'pre-training',
        run: 0,
        metrics: curve(900, 1, (t, noise) => ({ loss: 0.9 + 2.4 * Math.exp(-6 * t) + 0.06 * noise(0) })),
      },
      {
        name: 'SFT',
        run: 0,
        metrics: curve(120, 2, (t, noise) => ({
          loss: 0.55 + 0.4 * Math.exp(-4 * t) + 0.03 * noise(0),
          'eval/accuracy': 0.4 + 0.18 * t + 0.02 * noise(1),
        })),
      },
      {
        name: 'GRPO',
        run: 0,
        metrics: curve(50, 3, (t, noise) => ({
          loss: 0.02 * noise(0),
          reward: 0.4 + 0.27 * t + 0.04 * noise(1),
          kl: 0.2 * t + 0.01 * Math.abs(noise(2)),
        })),
      },
      {
        name: 'R-AIRL',
        run: 0,
        metrics: curve(50, 4, (t, noise) => ({
          reward: -0.9 + 1.2 * t + 0.15 * noise(0),
          'disc/acc': 0.86 - 0.2 * t + 0.02 * noise(1),
          kl: 0.25 * t + 0.01 * Math.abs(noise(2)),
        })),
      },
    ],
    sections: [],
    difference: null,
    completions: [{ name: 'SFT', completions, leftOut: 3, withoutTokens: null }],
    missing: { localisation: 'no folder of a localisation was given' },
    notes: ['SFT’s checkpoint was chosen by the checker on dev problems, which favours SFT.'],
  };
}
