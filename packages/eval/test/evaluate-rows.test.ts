import { Rng } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import { type EvaluationSummary, evaluateRows, passAt1ByPrompt } from '../src/evaluate-rows.ts';
import type { RankerName } from '../src/metrics/rerank.ts';
import type { EvalRow } from '../src/row.ts';
import { promptRows, row } from './rows.ts';

/** Prompts of unequal difficulty with a reward that is noisy but informative. */
function drawnRows(prompts: number, samples: number): EvalRow[] {
  const rng = new Rng(7, 1);
  return Array.from({ length: prompts }, (_, p) =>
    promptRows(
      `p${p}`,
      Array.from({ length: samples }, (__, i) => {
        const correct = rng.uniform(p, i) < rng.uniform(p, 1000);
        const score = (correct ? 1 : -1) + 1.5 * rng.normal(p, 2000 + i);
        return {
          correct,
          answer: correct ? '4' : `${5 + rng.integer(p, 3000 + i, 3)}`,
          score,
          logprob: -rng.uniform(p, 4000 + i),
        };
      }),
    ),
  ).flat();
}

function at(summary: EvaluationSummary, ranker: RankerName, size: number): number {
  const found = summary.bestOfN.rows.find((one) => one.ranker === ranker);
  return found!.estimates![summary.bestOfN.sizes.indexOf(size)]!.value;
}

describe('evaluating rows', () => {
  const rows = drawnRows(60, 16);
  const summary = evaluateRows(rows);

  it('gives the same summary for any order of the rows (D28)', () => {
    expect(evaluateRows([...rows].reverse())).toEqual(summary);
  });

  it('has random best-of-N equal to pass@1 exactly at every N (D23)', () => {
    for (const size of summary.bestOfN.sizes) expect(at(summary, 'random', size)).toBe(summary.passAtK[0]!.plain.value);
  });

  it('orders an informative reward between chance and the oracle', () => {
    expect(at(summary, 'reward', 16)).toBeGreaterThan(at(summary, 'random', 16));
    expect(at(summary, 'reward', 16)).toBeLessThanOrEqual(at(summary, 'oracle', 16));
    expect(summary.rewardGain!.overRandom.low).toBeGreaterThan(0);
    expect(summary.rewardGain!.overRandom.value).toBeCloseTo(at(summary, 'reward', 16) - at(summary, 'random', 16), 12);
  });

  it('counts correct samples per prompt, unbiased for k > 1', () => {
    const two = evaluateRows(
      [
        ...promptRows('a', [{ correct: true }, { correct: false }]),
        ...promptRows('b', [{ correct: false }, { correct: false }]),
      ],
      { ks: [1, 2] },
    );
    expect(two.passAtK.map((one) => one.plain.value)).toEqual([0.25, 0.5]);
    expect(passAt1ByPrompt(rows.slice(0, 16)).size).toBe(1);
  });

  it('keeps the prompt-clustered intervals when every row is duplicated (D25)', () => {
    const doubled = rows.flatMap((one) => [one, { ...one, generation_idx: one.generation_idx + 16 }]);
    const twice = evaluateRows(doubled);
    expect(twice.completions).toBe(2 * summary.completions);
    expect(twice.ece!.low).toBeCloseTo(summary.ece!.low, 12);
    expect(twice.ece!.high).toBeCloseTo(summary.ece!.high, 12);
    for (const [i, { auroc }] of summary.separation.entries()) {
      expect(twice.separation[i]!.auroc).toEqual(auroc);
    }
    expect(twice.passAtK[0]!.plain).toEqual(summary.passAtK[0]!.plain);
  });

  it('says n/a, never another number, when log-probabilities or scores are missing (D24)', () => {
    const bare = evaluateRows(
      promptRows('a', [
        { correct: true, score: null, logprob: null },
        { correct: false, score: null, logprob: null },
      ]),
    );
    const unavailable = Object.fromEntries(bare.bestOfN.rows.map((one) => [one.ranker, one.unavailable !== null]));
    expect(unavailable).toEqual({
      random: false,
      length: false,
      logprob: true,
      majority: false,
      weighted: true,
      reward: true,
      oracle: false,
    });
    expect(bare.rewardGain).toBeNull();
    expect(bare.passAtK[0]!.rewardWeighted).toBeNull();
    expect(bare.separation.map((one) => one.auroc === null)).toEqual([true, true, false]);
    expect(bare.counts).toMatchObject({ withoutReward: 2, withoutLogprob: 2 });
  });

  it('counts a NaN score and lets it lose (D29)', () => {
    const one = evaluateRows(
      promptRows('a', [
        { correct: true, score: Number.NaN },
        { correct: false, score: -3 },
      ]),
    );
    expect(one.counts.nonFiniteReward).toBe(1);
    expect(at(one, 'reward', 2)).toBe(0);
  });

  it('leaves the tokens that the environment wrote out of the log-probability', () => {
    const rows = [
      row({ forced: [2], policy_log_probs: [-1, -1, -90], correctness_reward_func: 2 }),
      row({ generation_idx: 1, policy_log_probs: [-2, -2, -2], correctness_reward_func: 0 }),
    ];
    expect(at(evaluateRows(rows), 'logprob', 2)).toBe(1);
  });

  it('leaves out k and N above the samples of a prompt', () => {
    const few = evaluateRows(drawnRows(5, 4));
    expect(few.passAtK.map((one) => one.k)).toEqual([1, 3]);
    expect(few.bestOfN.sizes).toEqual([1, 2, 3]);
  });

  it('is one JSON of numbers', () => {
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
  });
});
