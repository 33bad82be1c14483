import { expectedBest, expectedMajority, expectedWeightedMajority } from './subsets.ts';

/** What a way to choose among samples may look at. */
export interface Candidate {
  readonly correct: boolean;
  readonly answer: string | null;
  /** Characters or tokens. */
  readonly length: number;
  /** The critic's sequence score; null when no critic ran, NaN when it is not finite. */
  readonly reward: number | null;
  /** The policy's sequence log-probability; null when not computed. */
  readonly logprob: number | null;
}

/**
 * Which `size` of a prompt's samples there are to choose from: the expectation over all draws of that many, or the
 * first ones, as the published tables have it (`generation_idx` < N), which throws the others away.
 */
export const BEST_OF_RULES = ['subsets', 'first'] as const;
export type BestOfRule = (typeof BEST_OF_RULES)[number];

interface Ranker {
  /** The fields without which this ranker has nothing to say. */
  readonly needs: readonly ('reward' | 'logprob')[];
  /** The chance that the chosen one of a random draw of `size` samples is correct; equal candidates tie. */
  readonly expected: (candidates: readonly Candidate[], size: number) => number;
}

const verdicts = (candidates: readonly Candidate[]): boolean[] => candidates.map((c) => c.correct);
const answers = (candidates: readonly Candidate[]): (string | null)[] => candidates.map((c) => c.answer);
const rewards = (candidates: readonly Candidate[]): number[] => candidates.map((c) => c.reward ?? Number.NaN);

const byScore =
  (score: (candidate: Candidate) => number): Ranker['expected'] =>
  (candidates, size) =>
    expectedBest(candidates.map(score), verdicts(candidates), size);

/** Each way to choose one of N samples. `random` is an expectation, `oracle` looks at the verdict. */
const RANKERS = {
  random: { needs: [], expected: (candidates) => candidates.filter((c) => c.correct).length / candidates.length },
  length: { needs: [], expected: byScore((c) => -c.length) },
  logprob: { needs: ['logprob'], expected: byScore((c) => c.logprob ?? Number.NaN) },
  majority: {
    needs: [],
    expected: (candidates, size) => expectedMajority(answers(candidates), verdicts(candidates), size),
  },
  weighted: {
    needs: ['reward'],
    expected: (candidates, size) =>
      expectedWeightedMajority(answers(candidates), rewards(candidates), verdicts(candidates), size),
  },
  reward: { needs: ['reward'], expected: byScore((c) => c.reward ?? Number.NaN) },
  oracle: { needs: [], expected: byScore((c) => Number(c.correct)) },
} satisfies Record<string, Ranker>;

export type RankerName = keyof typeof RANKERS;

export const RANKER_NAMES = Object.keys(RANKERS) as RankerName[];

/** Why a ranker cannot be used on these candidates, or null: it is never replaced by another one. */
export function whyUnavailable(name: RankerName, candidates: readonly Candidate[]): string | null {
  for (const field of RANKERS[name].needs) {
    const missing = candidates.filter((c) => c[field] === null).length;
    if (missing > 0) {
      const what = field === 'reward' ? 'critic scores' : 'log-probabilities';
      return `${missing} of ${candidates.length} completions have no ${what}`;
    }
  }
  return null;
}

/**
 * The chance that the chosen one of `size` samples is correct, from n >= size samples of a prompt in the order of
 * their indices, ties averaged. Under the rule `subsets`, size 1 gives the plain mean whatever chooses, and `random`
 * gives it at every size. Of the n samples themselves both rules say the same.
 */
export function bestOf(
  name: RankerName,
  candidates: readonly Candidate[],
  size: number,
  rule: BestOfRule = 'subsets',
): number {
  const from = rule === 'first' ? candidates.slice(0, size) : candidates;
  const right = from.filter((c) => c.correct).length;
  if (right === 0 || right === from.length) return right === 0 ? 0 : 1;
  return RANKERS[name].expected(from, size);
}
