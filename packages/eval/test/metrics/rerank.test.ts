import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestOf, type Candidate, RANKER_NAMES, whyUnavailable } from '../../src/metrics/rerank.ts';

const candidate = fc.record({
  correct: fc.boolean(),
  answer: fc.option(fc.constantFrom('1', '2', '3')),
  length: fc.integer({ min: 1, max: 4 }),
  reward: fc.oneof(fc.integer({ min: -2, max: 2 }), fc.constant(Number.NaN)),
  logprob: fc.integer({ min: -3, max: 0 }),
});
const prompt = fc.array(candidate, { minLength: 1, maxLength: 10 });

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

  it('averages over windows of consecutive samples', () => {
    const candidates = [
      one({ correct: true, reward: 1 }),
      one({ reward: 2 }),
      one({}),
      one({ correct: true, reward: -1 }),
    ];
    // Windows 01 12 23 30: best rewards are samples 1, 1, 2, 0.
    expect(bestOf('reward', candidates, 2)).toBe(0.25);
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
