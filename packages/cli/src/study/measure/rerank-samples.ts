import { aurocByPrompt, bestOf, type Candidate, type RankerName } from '@dawngrad/eval';
import type { AurocMeasure, RerankMeasure } from '../seed-measures.ts';
import type { TraceLine } from './trace-line.ts';

/** Samples of problems, and what scorers say about each of them. */
export interface RankedSamples {
  readonly policy: string;
  readonly problems: number;
  readonly samples: readonly TraceLine[];
  /** By the name of the scorer (`log-probability`, `proof-reading`, `critic irl-step`): a number a sample. */
  readonly scores: ReadonlyMap<string, readonly number[]>;
}

/** The share of right samples of each problem. */
export function rightShares(samples: readonly TraceLine[], problems: number): number[] {
  const right = new Array<number>(problems).fill(0);
  const all = new Array<number>(problems).fill(0);
  for (const { p, correct } of samples) {
    all[p]! += 1;
    if (correct) right[p]! += 1;
  }
  return right.map((count, p) => count / all[p]!);
}

/**
 * Best of N with each selector: the chance that the chosen sample is right, exactly over all ways to draw N of the
 * samples (the vote weighted by a critic with N between 2 and all: over 4,096 of them where there are more than 20,000).
 */
export function rerankSamples(ranked: RankedSamples, sizes: readonly number[]): RerankMeasure[] {
  const { policy, problems, samples, scores } = ranked;
  const candidatesOf = (score: readonly number[] | undefined): Candidate[][] => {
    const groups = Array.from({ length: problems }, (): Candidate[] => []);
    samples.forEach(({ p, correct, answer, ids }, i) => {
      groups[p]!.push({ correct, answer, length: ids.length, reward: score?.[i] ?? null, logprob: null });
    });
    return groups;
  };
  const plain = candidatesOf(undefined);
  const critics = [...scores.keys()].filter((name) => name.startsWith(CRITIC));
  const selectors: [name: string, ranker: RankerName, groups: Candidate[][]][] = [
    ['mean', 'random', plain],
    ['majority', 'majority', plain],
    ['length', 'length', plain],
    ...[...scores].map(([name, score]): [string, RankerName, Candidate[][]] => [name, 'reward', candidatesOf(score)]),
    ...critics.map((name): [string, RankerName, Candidate[][]] => [
      name.replace(CRITIC, VOTE),
      'weighted',
      candidatesOf(scores.get(name)),
    ]),
    ['oracle', 'oracle', plain],
  ];
  return sizes.flatMap((n) =>
    selectors.map(([selector, ranker, groups]) => ({
      policy,
      n,
      selector,
      perProblem: groups.map((candidates) => bestOf(ranker, candidates, n)),
    })),
  );
}

const CRITIC = 'critic ';
const VOTE = 'critic-majority ';

/** How well each scorer separates right samples from wrong ones, over the samples of all problems together. */
export function aurocOfSamples({ policy, samples, scores }: Omit<RankedSamples, 'problems'>): AurocMeasure[] {
  return [...scores].map(([scorer, score]) => {
    const scored = samples.map(({ correct }, i) => ({ score: score[i]!, correct, prompt: 0 }));
    const value = aurocByPrompt(scored)([1]);
    return { scorer, policy, value: Number.isNaN(value) ? null : value };
  });
}
