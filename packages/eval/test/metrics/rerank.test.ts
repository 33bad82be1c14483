import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestOf, type Candidate, RANKER_NAMES, type RankerName, whyUnavailable } from '../../src/metrics/rerank.ts';
import { binomial, isEnumerated } from '../../src/metrics/subsets.ts';
import { successAtK } from '../../src/metrics/success-at-k.ts';
import { majorityShare, weightedMajorityShare } from '../../src/metrics/vote.ts';

const candidate = fc.record({
  correct: fc.boolean(),
  answer: fc.option(fc.constantFrom('1', '2', '3')),
  length: fc.integer({ min: 1, max: 4 }),
  reward: fc.oneof(fc.integer({ min: -2, max: 2 }), fc.constant(Number.NaN)),
  logprob: fc.integer({ min: -3, max: 0 }),
});
const prompt = fc.array(candidate, { minLength: 1, maxLength: 10 });

/** The definition: every draw of `size` samples, in each the chance of its best. */
function byEnumeration(ranker: RankerName, candidates: readonly Candidate[], size: number): number {
  let sum = 0;
  let draws = 0;
  for (let subset = 0; subset < 2 ** candidates.length; subset++) {
    const draw = candidates.filter((_, i) => (subset >> i) & 1);
    if (draw.length !== size) continue;
    const scores = {
      random: () => draw.map(() => 0),
      length: () => draw.map((c) => -c.length),
      logprob: () => draw.map((c) => c.logprob!),
      reward: () => draw.map((c) => c.reward!),
      oracle: () => draw.map((c) => Number(c.correct)),
      majority: () => majorityShare(draw.map((c) => c.answer)),
      weighted: () =>
        weightedMajorityShare(
          draw.map((c) => c.answer),
          draw.map((c) => c.reward!),
        ),
    }[ranker]();
    // Sums of the same softmax weights differ in their last bits by the order of their terms.
    const rounded = scores.map((score) => Number(score.toFixed(9)));
    sum += successAtK(
      rounded,
      draw.map((c) => c.correct),
      1,
    );
    draws++;
  }
  return sum / draws;
}

function share(candidates: readonly Candidate[]): number {
  return candidates.filter((c) => c.correct).length / candidates.length;
}

describe('best of N', () => {
  it('is the plain mean for a random choice, exactly (D23)', () => {
    fc.assert(
      fc.property(prompt, (candidates) => {
        expect(bestOf('random', candidates, candidates.length)).toBe(share(candidates));
      }),
    );
  });

  it('is the plain mean for N = 1, whatever chooses', () => {
    fc.assert(
      fc.property(prompt, fc.constantFrom(...RANKER_NAMES), (candidates, ranker) => {
        expect(bestOf(ranker, candidates, 1)).toBeCloseTo(share(candidates), 12);
      }),
    );
  });

  it('never beats the oracle', () => {
    fc.assert(
      fc.property(
        prompt,
        fc.constantFrom(...RANKER_NAMES),
        fc.integer({ min: 1, max: 10 }),
        (candidates, ranker, asked) => {
          const size = Math.min(asked, candidates.length);
          expect(bestOf(ranker, candidates, size)).toBeLessThanOrEqual(bestOf('oracle', candidates, size) + 1e-12);
        },
      ),
    );
  });

  const one = (overrides: Partial<Candidate>): Candidate => ({
    correct: false,
    answer: 'x',
    length: 5,
    reward: 0,
    logprob: -1,
    ...overrides,
  });

  it('follows the signal of each ranker', () => {
    const right = { correct: true, answer: 'y' };
    expect(bestOf('length', [one({}), one({ ...right, length: 4 })], 2)).toBe(1);
    expect(bestOf('logprob', [one({}), one({ ...right, logprob: -0.5 })], 2)).toBe(1);
    expect(bestOf('reward', [one({}), one({ ...right, reward: 1 })], 2)).toBe(1);
    expect(bestOf('majority', [one({}), one(right), one(right)], 3)).toBe(1);
    expect(bestOf('weighted', [one({}), one({}), one({ ...right, reward: Math.log(3) })], 3)).toBe(1);
    expect(bestOf('majority', [one({}), one({}), one({ ...right, reward: Math.log(3) })], 3)).toBe(0);
  });

  it('is the mean over all draws of N samples, whatever chooses', () => {
    fc.assert(
      fc.property(
        fc.array(candidate, { minLength: 1, maxLength: 7 }),
        fc.constantFrom(...RANKER_NAMES),
        fc.integer({ min: 1, max: 7 }),
        (candidates, ranker, asked) => {
          const size = Math.min(asked, candidates.length);
          expect(bestOf(ranker, candidates, size)).toBeCloseTo(byEnumeration(ranker, candidates, size), 10);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('looks at the first N samples alone under the published rule', () => {
    const candidates = [one({ reward: 1 }), one({ reward: 0 }), one({ correct: true, answer: 'y', reward: 2 })];
    expect(bestOf('reward', candidates, 2, 'first')).toBe(0);
    expect(bestOf('reward', candidates, 3, 'first')).toBe(1);
    // Draws 01, 02, 12.
    expect(bestOf('reward', candidates, 2)).toBeCloseTo(2 / 3, 12);
  });

  it('weighs votes as a softmax does, also where scores lie far apart', () => {
    const far = [one({ reward: 900 }), one({ correct: true, answer: 'y', reward: 3 }), one({ reward: 2 })];
    // 01 and 02: the first sample wins; 12: the second one, whose weight is 0 beside the first one's.
    expect(bestOf('weighted', far, 2)).toBeCloseTo(1 / 3, 12);
  });

  it('draws subsets where there are too many of them, close to what all of them give', () => {
    const many = Array.from({ length: 24 }, (_, i) =>
      one({ correct: i % 3 === 0, answer: i % 3 === 0 ? 'y' : 'x', reward: i % 3 === 0 ? 1 : 0 }),
    );
    expect(isEnumerated(24, 8)).toBe(false);
    // Two weights alone: y wins where e times its votes exceed the others'. C(8, v) C(16, 8 - v) draws have v votes.
    let exact = 0;
    for (let v = 0; v <= 8; v++) {
      if (Math.E * v > 8 - v) exact += (binomial(8, v) * binomial(16, 8 - v)) / binomial(24, 8);
    }
    expect(Math.abs(bestOf('weighted', many, 8) - exact)).toBeLessThan(0.03);
  });

  it('lets a non-finite reward lose, also in a weighted vote (D29)', () => {
    const nan = one({ correct: true, answer: 'y', reward: Number.NaN });
    expect(bestOf('reward', [nan, one({ reward: -4 })], 2)).toBe(0);
    expect(bestOf('weighted', [nan, one({ reward: -4 })], 2)).toBe(0);
  });

  it('says what is missing instead of choosing by something else (D24)', () => {
    expect(whyUnavailable('logprob', [one({ logprob: null }), one({})])).toBe(
      '1 of 2 completions have no log-probabilities',
    );
    expect(whyUnavailable('weighted', [one({ reward: null })])).toBe('1 of 1 completions have no critic scores');
    expect(whyUnavailable('majority', [one({ reward: null, logprob: null })])).toBeNull();
  });
});
