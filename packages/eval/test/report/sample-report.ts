import { Rng } from '@dawngrad/tensor';
import type { ReportCompletion, ReportToken } from '../../src/report/completions.ts';
import type { MetricRow } from '../../src/report/curves.ts';
import type { ReportInput } from '../../src/report/report.ts';
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

function tokens(lines: readonly (readonly [text: string, reward: number])[]): ReportToken[] {
  return lines.flatMap(([text, reward]) =>
    text.split(/(?<=\s)/).map((piece, i, all) => ({
      text: piece,
      reward: reward + 0.07 * i,
      // The token after "=" is the result of the look-up, written by the tool.
      forced: all[i - 1]?.trim() === '=',
    })),
  );
}

const tail = '</think> <answer> 9 </answer> <eos>';

const completions: ReportCompletion[] = [
  {
    prompt: '<q> 8 f3 f8 f0 . <think>',
    tokens: tokens([
      ['then 8 : f3 2 = 8 ;\n', 1.6],
      ['then 2 : f8 9 = 2 ;\n', 1.9],
      ['so 9 : f0 9 = 9 ;\n', 2.1],
      [tail, 2.3],
    ]),
    correct: true,
    gold: '9',
    answer: '9',
    score: 1.98,
  },
  {
    prompt: '<q> 8 f3 f8 f0 . <think>',
    tokens: tokens([
      ['so 8 : f3 2 = 8 ;\n', 1.2],
      ['thus 2 : f8 4 = 6 ;\n', -1.9],
      ['then 4 : f0 1 = 4 ;\n', -2.4],
      [tail.replace('9', '1'), -2.7],
    ]),
    correct: false,
    gold: '9',
    answer: '1',
    score: -1.42,
  },
  {
    prompt: '<q> 3 f5 f33 . . <think>',
    tokens: tokens([
      ['hence 3 : f5 0 = 3 ;\n', 1.1],
      ['so 0 : f33 6 = 0 ;\n', 1.7],
      [tail.replace('9', '6'), 2.0],
    ]),
    correct: true,
    gold: '6',
    answer: '6',
    score: 1.6,
  },
  {
    prompt: '<q> 3 f5 f33 . . <think>',
    tokens: tokens([
      ['so 3 : f5 7 = 9 ;\n', -1.5],
      ['thus 7 : f33 6 = 7 ;\n', -1.9],
      [tail.replace('9', '6'), -1.2],
    ]),
    correct: false,
    gold: '2',
    answer: '6',
    score: -1.55,
  },
];

/** A report with every section, on numbers invented for looking at the page. */
export function sampleReport(): ReportInput {
  const summary = summarise(
    [
      policy('base', -0.8, null, 1),
      policy('SFT', 0.4, 1.1, 2),
      policy('GRPO', 1.1, null, 3),
      policy('R-AIRL', 1.2, 0.9, 4),
    ],
    [
      {
        name: 'pre-training',
        metrics: curve(900, 1, (t, noise) => ({ loss: 0.9 + 2.4 * Math.exp(-6 * t) + 0.06 * noise(0) })),
      },
      {
        name: 'SFT',
        metrics: curve(120, 2, (t, noise) => ({
          loss: 0.55 + 0.4 * Math.exp(-4 * t) + 0.03 * noise(0),
          'eval/accuracy': 0.4 + 0.18 * t + 0.02 * noise(1),
        })),
      },
      {
        name: 'GRPO',
        metrics: curve(50, 3, (t, noise) => ({
          loss: 0.02 * noise(0),
          reward: 0.4 + 0.27 * t + 0.04 * noise(1),
          kl: 0.2 * t + 0.01 * Math.abs(noise(2)),
        })),
      },
      {
        name: 'R-AIRL',
        metrics: curve(50, 4, (t, noise) => ({
          reward: -0.9 + 1.2 * t + 0.15 * noise(0),
          'disc/acc': 0.86 - 0.2 * t + 0.02 * noise(1),
          kl: 0.25 * t + 0.01 * Math.abs(noise(2)),
        })),
      },
    ],
  );
  return {
    ...summary,
    title: 'Learning to reason from demonstrations: inverse-rule chains',
    run: {
      command: 'npm run demo',
      config:
        'task:\n  name: inverse-rules\n  setting: tool\ncritic:\n  granularity: interval\ncredit:\n  level: sequence\n',
      model: 'Llama, 2 layers, width 64, 112k parameters, pre-trained in this run',
      data: '100 demonstrations, 80 unseen test problems (seed 1)',
      seed: 1,
      adapter: 'llvmpipe (LLVM 19, 256 bits)',
      driver: 'lavapipe, Mesa 26.1.6',
      commit: '0a9743e',
      wallSeconds: 583,
    },
    method: {
      granularity: 'interval',
      credit: 'sequence',
      checkerUse: [],
      selection: 'last checkpoint of R-AIRL and GRPO, best dev checkpoint of SFT',
    },
    completions,
    notes: ['SFT’s checkpoint was chosen by the checker on dev problems, which favours SFT.'],
  };
}
