import { ToolError } from '@dawngrad/tensor';
import { type TokenTrace, trainedTokens } from './token-rows.ts';

/**
 * What one trained token counts: `token` takes the mean over all tokens of the batch (DAPO, trl's `bnpo`),
 * `sequence` the mean over the tokens of a sequence and then over sequences (trl's `grpo`), `constant` the sum
 * over sequences x the length limit, so that long completions weigh as many tokens as they have (`dr_grpo`).
 */
export const NORMALISATIONS = ['token', 'sequence', 'constant'] as const;
export type Normalisation = (typeof NORMALISATIONS)[number];

/**
 * The weight of each completion token in the mean over a batch, trace by trace; forced tokens weigh
 * nothing. The counts are those of the whole batch, so that micro-batches add up to it. The weights sum to 1
 * (of sequences without a token of the policy, and of `constant`, to less).
 *
 * @param maxTokens the length limit of completions, which `constant` divides by
 */
export function tokenWeights(
  traces: readonly TokenTrace[],
  normalisation: Normalisation,
  maxTokens?: number,
): Float32Array[] {
  const counts = traces.map(trainedTokens);
  const all = counts.reduce((total, count) => total + count, 0);
  if (normalisation === 'constant' && !(maxTokens !== undefined && maxTokens > 0)) {
    throw new ToolError('config', {
      op: 'normalisation constant',
      expected: 'the length limit of completions',
      got: String(maxTokens),
    });
  }
  const shareOf = (count: number): number => {
    if (normalisation === 'token') return 1 / all;
    return 1 / (traces.length * (normalisation === 'constant' ? maxTokens! : count));
  };
  return traces.map(({ completionIds, forced }, i) => {
    const share = shareOf(counts[i]!);
    return Float32Array.from(completionIds, (_, t) => (forced?.[t] ? 0 : share));
  });
}
