import { describe, expect, it } from 'vitest';
import {
  aurocOfSamples,
  type RankedSamples,
  rerankSamples,
  rightShares,
} from '../../../src/study/measure/rerank-samples.ts';
import type { TraceLine } from '../../../src/study/measure/trace-line.ts';

const sample = (p: number, g: number, answer: string | null, correct: boolean, tokens = 21): TraceLine => ({
  p,
  g,
  ids: new Array<number>(tokens).fill(1),
  error: correct ? null : 0,
  correct,
  answer,
});

/** Two problems with four samples each: of the first one is right, of the second three. */
const samples = [
  sample(0, 0, '1', false),
  sample(0, 1, '1', false),
  sample(0, 2, '7', true),
  sample(0, 3, null, false, 9),
  sample(1, 0, '4', true),
  sample(1, 1, '4', true),
  sample(1, 2, '4', true),
  sample(1, 3, '5', false),
];
const ranked: RankedSamples = {
  policy: 'sft',
  problems: 2,
  samples,
  scores: new Map([
    ['log-probability', [-1, -1.5, -2, -3, -1, -2, -3, -0.5]],
    ['critic irl-step', [-2, -1, 5, -3, 2, 1, 0, 3]],
  ]),
};

describe('rightShares', () => {
  it('is the share of right samples of each problem', () => {
    expect(rightShares(samples, 2)).toEqual([0.25, 0.75]);
  });
});

describe('rerankSamples', () => {
  const rows = new Map(rerankSamples(ranked, [2, 4]).map((row) => [`${row.n} ${row.selector}`, row.perProblem]));

  it('chooses one of all samples by each selector', () => {
    expect(rows.get('4 mean')).toEqual([0.25, 0.75]);
    expect(rows.get('4 oracle')).toEqual([1, 1]);
    expect(rows.get('4 majority')).toEqual([0, 1]);
    // The shortest of the first problem is wrong; those of the second are all equally long.
    expect(rows.get('4 length')).toEqual([0, 0.75]);
    expect(rows.get('4 log-probability')).toEqual([0, 0]);
    expect(rows.get('4 critic irl-step')).toEqual([1, 0]);
    // exp(5) outweighs the two votes for 1; e^2 + e + 1 = 11.1 is less than e^3 = 20.1.
    expect(rows.get('4 critic-majority irl-step')).toEqual([1, 0]);
  });

  it('takes the expectation over all draws of fewer samples', () => {
    // The right sample of the first problem is in half of the pairs, the wrong ones of the second too.
    expect(rows.get('2 critic irl-step')).toEqual([0.5, 0.5]);
    expect(rows.get('2 oracle')![0]).toBeCloseTo(0.5, 12);
    expect(rows.get('2 oracle')![1]).toBeCloseTo(1, 12);
    expect(rows.get('2 mean')).toEqual([0.25, 0.75]);
  });

  it('has a row for each selector and size', () => {
    expect(rows.size).toBe(2 * (4 + 2 + 1));
  });
});

describe('aurocOfSamples', () => {
  it('compares every right sample with every wrong one', () => {
    const [logp, critic] = aurocOfSamples(ranked);
    expect(logp).toMatchObject({ scorer: 'log-probability', policy: 'sft' });
    // Right: -2, -1, -2, -3; wrong: -1, -1.5, -3, -0.5. Wins: 1, 2.5, 1 and 0.5 of 4 each.
    expect(logp!.value).toBeCloseTo(5 / 16, 12);
    // Right: 5, 2, 1, 0; wrong: -2, -1, -3, 3.
    expect(critic!.value).toBeCloseTo(13 / 16, 12);
  });

  it('is null where all samples are right', () => {
    const right = samples.filter(({ correct }) => correct);
    const scores = new Map([['log-probability', right.map((_, i) => i)]]);
    expect(aurocOfSamples({ policy: 'sft', samples: right, scores })[0]!.value).toBeNull();
  });
});
