import { type TokenTrace, trainedTokens } from './token-rows.ts';

/**
 * What one trained token counts: `token` takes the mean over all tokens of the batch (trl's `bnpo`),
 * `sequence` the mean over the tokens of a sequence and then over sequences (trl's `grpo`).
 */
export const NORMALISATIONS = ['token', 'sequence'] as const;
export type Normalisation = (typeof NORMALISATIONS)[number];

/**
 * The weight of each completion token in the mean over a batch, trace by trace; forced tokens weigh
 * nothing. The weights of the whole batch sum to 1 (of sequences without a token of the policy, to less).
 */
export function tokenWeights(traces: readonly TokenTrace[], normalisation: Normalisation): Float32Array[] {
  const counts = traces.map(trainedTokens);
  const all = counts.reduce((total, count) => total + count, 0);
  return traces.map(({ completionIds, forced }, i) => {
    const share = normalisation === 'token' ? 1 / all : 1 / (traces.length * counts[i]!);
    return Float32Array.from(completionIds, (_, t) => (forced?.[t] ? 0 : share));
  });
}
