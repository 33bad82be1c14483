import { successAtK } from './success-at-k.ts';
import { majorityShare, weightedMajorityShare } from './vote.ts';

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

interface Ranker {
  /** The fields without which this ranker has nothing to say. */
  readonly needs: readonly ('reward' | 'logprob')[];
  /** Scores of the candidates, higher is better, equal scores tie. */
  readonly score: (candidates: readonly Candidate[]) => readonly number[];
}

const answers = (candidates: readonly Candidate[]): (string | null)[] => candidates.map((c) => c.answer);
const rewards = (candidates: readonly Candidate[]): number[] => candidates.map((c) => c.reward ?? Number.NaN);

/** Each way to choose one of N samples. `random` is an expectation, `oracle` looks at the verdict. */
const RANKERS = {
  random: { needs: [], score: (candidates) => candidates.map(() => 0) },
  length: { needs: [], score: (candidates) => candidates.map((c) => -c.length) },
  logprob: { needs: ['logprob'], score: (candidates) => candidates.map((c) => c.logprob ?? Number.NaN) },
  majority: { needs: [], score: (candidates) => majorityShare(answers(candidates)) },
  weighted: {
    needs: ['reward'],
    score: (candidates) => weightedMajorityShare(answers(candidates), rewards(candidates)),
  },
  reward: { needs: ['reward'], score: rewards },
  oracle: { needs: [], score: (candidates) => candidates.map((c) => Number(c.correct)) },
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
 * The chance that the chosen one of `size` samples is correct, from n >= size samples of a prompt:
 * the mean over the n windows of `size` consecutive samples (cyclic), ties averaged. Each sample
 * counts equally often, so size 1 and `random` give the plain mean exactly, at every size; with
 * size = n it is the usual best-of-n.
 */
export function bestOf(name: RankerName, candidates: readonly Candidate[], size: number): number {
  const n = candidates.length;
  if (name === 'random') return candidates.filter((c) => c.correct).length / n;
  const windows = size === n ? 1 : n;
  let sum = 0;
  for (let start = 0; start < windows; start++) {
    const window = Array.from({ length: size }, (_, i) => candidates[(start + i) % n]!);
    sum += successAtK(
      RANKERS[name].score(window),
      window.map((c) => c.correct),
      1,
    );
  }
  return sum / windows;
}
