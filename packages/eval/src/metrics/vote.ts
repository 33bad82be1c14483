import { softmaxMass } from './pass-at-k.ts';

/**
 * For each sample, the share of votes for its answer. A sample without an answer neither votes nor
 * can win: its share is 0.
 */
export function majorityShare(answers: readonly (string | null)[]): number[] {
  return voteShare(
    answers,
    answers.map(() => 1 / answers.length),
  );
}

/** As `majorityShare`, with votes weighted by the softmax of the scores. */
export function weightedMajorityShare(answers: readonly (string | null)[], scores: ArrayLike<number>): number[] {
  return voteShare(answers, softmaxMass(scores));
}

function voteShare(answers: readonly (string | null)[], weights: readonly number[]): number[] {
  const votes = new Map<string, number>();
  answers.forEach((answer, i) => {
    if (answer !== null) votes.set(answer, (votes.get(answer) ?? 0) + weights[i]!);
  });
  return answers.map((answer) => (answer === null ? 0 : votes.get(answer)!));
}
