import { ToolError } from '@dawngrad/tensor';
import { groupValues } from './groups.ts';
import { meanReward } from './reward.ts';
import type { ScoredCompletion } from './scored-completion.ts';
import { divisorOf } from './spread.ts';

export const LOCAL_SIGNALS = ['g', 'clipped_delta_f', 'drop_f'] as const;
export type LocalSignal = (typeof LOCAL_SIGNALS)[number];

export interface LocalTermOptions {
  readonly signal: LocalSignal;
  /** Weight of the normalised signal; 0.05 in the reference. */
  readonly weight: number;
  /** Bounds of `clipped_delta_f`. */
  readonly clamp: readonly [number, number];
}

/**
 * What a local signal adds to the sequence advantage of each token (r-airl.md, section 4.2). With segment
 * values f_k (the reward at a segment's end) and the reward head's g_k, the signal of segment k is
 * `g`: g_k; `clipped_delta_f`: f_k - f_{k-1} within the bounds; `drop_f`: max(0, f_{k-1} - f_k), subtracted.
 * The first segment has none before it and counts as no change. Signals of all segments of a group are
 * normalised together, (v - mean) / max(population std, 1e-4), and hold for all tokens of their segment.
 *
 * @returns one array a completion, length T each
 */
export function localTerms(completions: readonly ScoredCompletion[], options: LocalTermOptions): Float64Array[] {
  const signals = completions.map((completion) => segmentSignals(completion, options));
  const norms = new Map(
    [...groupValues(completions, signals)].map(([group, sample]) => [
      group,
      { mean: meanReward(sample), divisor: divisorOf(sample, 'population') },
    ]),
  );
  const sign = options.signal === 'drop_f' ? -1 : 1;
  return completions.map(({ rewards, segments, group }, i) => {
    const { mean, divisor } = norms.get(group)!;
    const terms = new Float64Array(rewards.length);
    segments.forEach(({ start, end }, k) => {
      terms.fill((sign * options.weight * (signals[i]![k]! - mean)) / divisor, start, end + 1);
    });
    return terms;
  });
}

function segmentSignals({ rewards, segments, g, group }: ScoredCompletion, options: LocalTermOptions): number[] {
  if (options.signal === 'g') {
    if (g === undefined) {
      throw new ToolError('config', {
        op: 'credit.local.signal',
        expected: 'a critic with a reward head for the signal g',
        got: `group ${group} without values of g`,
        hint: 'set credit.local.signal=clipped_delta_f or drop_f.',
      });
    }
    return segments.map(({ end }) => g[end]!);
  }
  const [low, high] = options.clamp;
  return segments.map(({ end }, k) => {
    const change = k === 0 ? 0 : rewards[end]! - rewards[segments[k - 1]!.end]!;
    return options.signal === 'drop_f' ? Math.max(0, -change) : Math.min(Math.max(change, low), high);
  });
}
