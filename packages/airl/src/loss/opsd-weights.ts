import { ToolError } from '@dawngrad/tensor';
import type { TokenTrace } from './token-rows.ts';

/** Least divisor of normalised weights. */
const LEAST_SPREAD = 1e-4;

export interface OpsdWeightOptions {
  /** The log-ratio of teacher and base is divided by it. */
  readonly temperature: number;
  /** Bounds of a weight after that, or null for none. */
  readonly clip: readonly [number, number] | null;
  /** Then take off the mean over all tokens of the batch and divide by their standard deviation. */
  readonly normalise: boolean;
}

export interface OpsdWeights {
  /** One weight a completion token for each trace; 0 at tokens that the environment wrote. */
  readonly perToken: Float32Array[];
  /** Over the policy's own tokens of all traces, before they are normalised. */
  readonly mean: number;
  /** Unbiased; 0 for a single token. */
  readonly std: number;
  /** Share of the tokens whose weight met a bound. */
  readonly clipped: number;
}

/**
 * How much each sampled token is to become likelier (OPSD; r-airl.md, section 5):
 * w_t = clip((log p(y_t | question, expert, y_<t) - log p(y_t | question, y_<t)) / temperature), both under the
 * frozen base, so that w_t > 0 where the base would rather write the token once it has seen the expert. With
 * `normalise`, (w_t - mean) / max(unbiased std, 1e-4) over the tokens of the whole batch, after the clip.
 *
 * @param shown log-probabilities of each trace's completion tokens where the expert is shown, nats
 * @param plain the same where it is not
 */
export function opsdWeights(
  traces: readonly TokenTrace[],
  shown: readonly ArrayLike<number>[],
  plain: readonly ArrayLike<number>[],
  { temperature, clip, normalise }: OpsdWeightOptions,
): OpsdWeights {
  const [low, high] = clip ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  let clipped = 0;
  const own: number[] = [];
  const perToken = traces.map(({ completionIds, forced }, i) =>
    Float32Array.from(completionIds, (_, t) => {
      if (forced?.[t]) return 0;
      const ratio = (shown[i]![t]! - plain[i]![t]!) / temperature;
      if (!Number.isFinite(ratio)) {
        throw new ToolError('failed', {
          op: 'opsd weights',
          expected: 'finite log-probabilities of the base',
          got: `${shown[i]![t]} with the expert shown and ${plain[i]![t]} without, at token ${t} of trace ${i}`,
        });
      }
      if (ratio < low || ratio > high) clipped++;
      const weight = Math.min(Math.max(ratio, low), high);
      own.push(weight);
      return weight;
    }),
  );
  const mean = own.reduce((sum, weight) => sum + weight, 0) / Math.max(1, own.length);
  const squares = own.reduce((sum, weight) => sum + (weight - mean) ** 2, 0);
  const std = own.length < 2 ? 0 : Math.sqrt(squares / (own.length - 1));
  if (normalise && own.length > 1) {
    const divisor = Math.max(std, LEAST_SPREAD);
    perToken.forEach((weights, i) => {
      const { forced } = traces[i]!;
      weights.forEach((weight, t) => {
        if (!forced?.[t]) weights[t] = (weight - mean) / divisor;
      });
    });
  }
  return { perToken, mean, std, clipped: clipped / Math.max(1, own.length) };
}
