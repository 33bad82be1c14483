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
    const once = { sizes: [1, 2, 3] };
    const twice = evaluateRows(doubled, once);
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

  it('tests what the reward gains, and tells correct completions from wrong ones', () => {
    expect(summary.rewardGain!.overRandomTest.signFlipP).toBeLessThan(0.001);
    const [correct, format] = summary.rewardDifferences!;
    expect(correct).toMatchObject({ kind: 'correct', completions: { of: summary.counts.correct } });
    expect(correct!.difference!.low).toBeGreaterThan(0);
    expect(correct!.welch!.p).toBeLessThan(1e-6);
    expect(correct!.pointBiserial!).toBeGreaterThan(0.3);
    // No completion has the strict format here.
    expect(format).toMatchObject({ difference: null, welch: null, pointBiserial: null, mean: { of: null } });
    const { names, pearson } = summary.correlations;
    const at = names.indexOf('reward');
    expect(pearson[at]![at]).toBeCloseTo(1, 12);
    expect(pearson[at]![names.indexOf('correct')]).toBeCloseTo(correct!.pointBiserial!, 12);
  });

  it('has best-of-N of every selector; equal token scores make them all the same', () => {
    expect(summary.selectors!.map((one) => one.selector)).toContain('discounted-mean');
    const mean = summary.bestOfN.rows.find((one) => one.ranker === 'reward')!.estimates!;
    for (const { selector, estimates, overDiscountedMean } of summary.selectors!) {
      expect(estimates.at(-1)!.value, selector).toBeCloseTo(mean.at(-1)!.value, 12);
      expect(overDiscountedMean === null).toBe(selector === 'discounted-mean');
    }
  });

  it('has success@k of the first N: 1 is best-of-N, N is the oracle', () => {
    const rows = summary.successAtK!;
    expect(rows[0]!.estimate.value).toBeCloseTo(at(summary, 'reward', 16), 12);
    const all = evaluateRows(drawnRows(20, 3), { ks: [3] });
    expect(all.successAtK!.at(-1)!.estimate.value).toBeCloseTo(at(all, 'oracle', 3), 12);
  });

  it('fits probabilities on other prompts alone (D26)', () => {
    const surer = (one: EvalRow): EvalRow => ({
      ...one,
      reward_model_score: one.reward_model_score!.map((score) => 4 * score),
    });
    const dev = drawnRows(40, 8).map((one) => surer({ ...one, prompt_id: `dev-${one.prompt_id}`, run_id: 'dev' }));
    const { calibration } = evaluateRows(rows.map(surer), { calibrationRows: dev });
    expect(calibration!.scaled!.fittedOn).toEqual({ runIds: ['dev'], prompts: 40, completions: 320 });
    expect(calibration!.scaled!.temperature).toBeGreaterThan(2);
    for (const scaled of [calibration!.scaled!.byTemperature, calibration!.scaled!.byIsotonic]) {
      expect(scaled.brier!.value).toBeLessThan(calibration!.raw.brier!.value);
      expect(scaled.ece!.value).toBeLessThan(calibration!.raw.ece!.value);
    }
    expect(summary.calibration!.scaled).toBeNull();
    expect(() => evaluateRows(rows, { calibrationRows: [...dev, rows[0]!] })).toThrow('prompt p0 on both sides');
  });

  it('tells categories apart, each with an interval over its own prompts', () => {
    const named = rows.map((one) => ({ ...one, category: Number(one.prompt_id.slice(1)) < 20 ? 'law' : 'biology' }));
    const { categories } = evaluateRows(named, { resamples: 200 });
    expect(categories.map(({ category, prompts }) => [category, prompts])).toEqual([
      ['biology', 40],
      ['law', 20],
    ]);
    const weighted = categories.reduce((sum, one) => sum + one.passAt1.value * one.prompts, 0) / 60;
    expect(weighted).toBeCloseTo(summary.passAtK[0]!.plain.value, 12);
    expect(categories[1]!.byReward!.n).toBe(20);
    expect(summary.categories).toEqual([]);
  });

  it('says which rule chose the N, and both agree at all samples', () => {
    const first = evaluateRows(rows, { rule: 'first', resamples: 200 });
    expect([summary.bestOfN.rule, first.bestOfN.rule]).toEqual(['subsets', 'first']);
    expect(at(first, 'majority', 16)).toBeCloseTo(at(summary, 'majority', 16), 12);
    expect(at(first, 'reward', 2)).not.toBe(at(summary, 'reward', 2));
  });
});
