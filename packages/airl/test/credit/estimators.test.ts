import { Rng } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import { type CreditOptions, estimateAdvantages } from '../../src/credit/advantage.ts';
import { CREDIT_LEVELS } from '../../src/credit/credit-level.ts';
import { ESTIMATORS } from '../../src/credit/estimators/table.ts';
import type { ScoredCompletion } from '../../src/credit/scored-completion.ts';

type EstimatorName = keyof typeof ESTIMATORS;

const rng = new Rng(8, 2);

/** Three groups of 4, 3 and 1 completions with segments of 1 to 3 tokens, and a bonus where asked for. */
function batch(withBonus: boolean): ScoredCompletion[] {
  return [0, 0, 0, 0, 1, 1, 1, 2].map((group, i) => {
    const segments: { start: number; end: number }[] = [];
    let start = 0;
    for (let k = 0; k < 2 + (i % 3); k++) {
      const end = start + ((i + k) % 3);
      segments.push({ start, end });
      start = end + 1;
    }
    const rewards = new Array<number>(start).fill(0);
    segments.forEach(({ start, end }, k) => {
      rewards.fill(rng.normal(k, i) + group, start, end + 1);
    });
    return { group, rewards, segments, ...(withBonus ? { bonus: rng.normal(99, i) } : {}) };
  });
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;

/**
 * Each estimator as its paper prints it, of one value among its group's and the batch's. `others` are the
 * values of the group's other completions.
 */
const PAPERS: Record<
  EstimatorName,
  (value: number, group: number[], others: number[], centred: number[], std: (values: number[]) => number) => number
> = {
  group: (value, group, _others, _centred, std) => (value - mean(group)) / std(group),
  dr_grpo: (value, group) => value - mean(group),
  rloo: (value, group, others) => value - (others.length === 0 ? mean(group) : mean(others)),
  reinforce_pp: (value, group, _others, centred, std) => (value - mean(group)) / std(centred),
};

const unbiased = (values: number[]): number =>
  values.length < 2 ? 1e-4 : Math.sqrt(sum(values.map((v) => (v - mean(values)) ** 2)) / (values.length - 1)) + 1e-4;
const population = (values: number[]): number =>
  Math.max(1e-4, Math.sqrt(mean(values.map((v) => (v - mean(values)) ** 2))));

/** Normalises lists of values, one list a completion, by the printed formulas. */
function normalised(
  name: EstimatorName,
  completions: readonly ScoredCompletion[],
  values: number[][],
  std: (values: number[]) => number,
  apply: number[][] = values,
): number[][] {
  const groupOf = (i: number): number[] =>
    values.flatMap((list, j) => (completions[j]!.group === completions[i]!.group ? list : []));
  const centred = values.flatMap((list, i) => list.map((value) => value - mean(groupOf(i))));
  return apply.map((list, i) => {
    const others = values.flatMap((other, j) =>
      j !== i && completions[j]!.group === completions[i]!.group ? other : [],
    );
    return list.map((value) => PAPERS[name](value, groupOf(i), others, centred, std));
  });
}

/** Advantages from sums written out: token credit as the double sum over k >= t. */
function reference(completions: ScoredCompletion[], options: CreditOptions & { estimator: EstimatorName }): number[][] {
  const { estimator, level, gamma } = options;
  const all = completions.map(({ rewards }) => Array.from(rewards));
  const bonuses = completions.map(({ bonus = 0 }) => [bonus]);
  const hasBonus = completions.some(({ bonus }) => bonus !== undefined);
  if (level === 'sequence') {
    const totals = all.map((rewards, i) => [mean(rewards) + bonuses[i]![0]!]);
    const found = normalised(estimator, completions, totals, unbiased);
    return all.map((rewards, i) => rewards.map(() => found[i]![0]!));
  }
  const onTop = hasBonus ? normalised(estimator, completions, bonuses, unbiased) : bonuses.map(() => [0]);
  if (level === 'token') {
    const last = all.map((rewards) => [rewards.at(-1)!]);
    const found = normalised(estimator, completions, last, unbiased, all);
    return found.map((list, i) =>
      list.map((_, t) => sum(list.map((a, k) => (k < t ? 0 : gamma ** (k - t) * a))) + onTop[i]![0]!),
    );
  }
  const ends = completions.map(({ rewards, segments }) => segments.map(({ end }) => rewards[end]!));
  const found = normalised(estimator, completions, ends, population);
  return completions.map(({ rewards, segments }, i) =>
    Array.from(rewards, (_, t) => found[i]![segments.findIndex(({ end }) => t <= end)]! + onTop[i]![0]!),
  );
}

describe.each(Object.keys(ESTIMATORS) as EstimatorName[])('estimator %s', (estimator) => {
  it.each(CREDIT_LEVELS)('is the formula of its paper with %s credit, with and without rewards on top', (level) => {
    for (const withBonus of [false, true]) {
      const completions = batch(withBonus);
      const options = { level, estimator, scale: 'group', gamma: 0.9 } as const;
      const expected = reference(completions, options);
      estimateAdvantages(completions, options).perToken.forEach((advantages, i) => {
        expect(advantages.length).toBe(expected[i]!.length);
        advantages.forEach((value, t) => {
          const exact = expected[i]![t]!;
          expect(Math.abs(value - exact)).toBeLessThan(1e-6 * Math.max(1, Math.abs(exact)));
        });
      });
    }
  });

  it('does not depend on the order of completions in the batch', () => {
    const completions = batch(true);
    const options = { level: 'token', estimator, scale: 'group', gamma: 0.9 } as const;
    const straight = estimateAdvantages(completions, options).perToken;
    const back = estimateAdvantages([...completions].reverse(), options).perToken.reverse();
    straight.forEach((advantages, i) => {
      advantages.forEach((value, t) => {
        expect(back[i]![t]).toBeCloseTo(value, 5);
      });
    });
  });

  it('gives no signal where all completions of all groups have the same reward', () => {
    const flat = [0, 0, 0, 1, 1, 1].map((group) => ({ group, rewards: [2], segments: [{ start: 0, end: 0 }] }));
    const { perToken, zeroSpreadGroups } = estimateAdvantages(flat, {
      level: 'sequence',
      estimator,
      scale: 'group',
      gamma: 1,
    });
    expect(perToken.flatMap((values) => [...values])).toEqual([0, 0, 0, 0, 0, 0]);
    expect(zeroSpreadGroups).toBe(1);
  });
});

it('estimators differ where they should', () => {
  const completions = [1, 0, 0, 0].map((reward) => ({ group: 0, rewards: [reward], segments: [] }));
  const first = (estimator: EstimatorName): number =>
    estimateAdvantages(completions, { level: 'sequence', estimator, scale: 'group', gamma: 1 }).perToken[0]![0]!;
  expect(first('dr_grpo')).toBeCloseTo(0.75, 6);
  // n / (n - 1) times the centred reward.
  expect(first('rloo')).toBeCloseTo(1, 6);
  expect(first('group')).toBeCloseTo(1.4997, 4);
});
