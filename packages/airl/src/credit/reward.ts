import { ToolError } from '@dawngrad/tensor';
import type { MetricRow } from '../metrics/names.ts';
import type { TraceRecord } from '../record.ts';
import { backfill } from '../segment/marks.ts';
import { RewardStatistics } from './reward-statistics.ts';

/**
 * What of the critic is handed to the policy (r-airl.md, section 3.2): its f; f - log pi of the segment, the textbook AIRL
 * reward of a critic whose logit that is; or the reward head g alone, which only a shaped critic has.
 */
export const REWARD_FORMS = ['f', 'f-minus-logpi', 'g'] as const;
export type RewardForm = (typeof REWARD_FORMS)[number];

/** Of which rewards the mean and the standard deviation are that whiten a reward. */
export const REWARD_NORMALISATIONS = ['none', 'batch', 'running'] as const;
export type RewardNormalisation = (typeof REWARD_NORMALISATIONS)[number];

export interface RewardOptions {
  /** The critic's temperature, by which rewards are divided. */
  readonly temperature: number;
  /** Bounds of the reward, or null for none. */
  readonly clip: readonly [number, number] | null;
  /** `f` unless said. */
  readonly form?: RewardForm;
  /** Form `g`: weight of the shaping that is added to it; 0 unless said, 1 makes it form `f`. */
  readonly shapeWeight?: number;
  /** Form `f-minus-logpi`: log pi of a segment summed over its tokens (unless said), or their mean. */
  readonly logpi?: 'sum' | 'mean';
  /** `none` unless said. */
  readonly normalise?: RewardNormalisation;
  /**
   * The most that a completion may be rewarded which the length limit cut off or which holds no answer; what the critic says
   * unless given. A mean over tokens can be raised by never coming to an end, faster than a critic learns of it.
   */
  readonly malformed?: number;
}

/** What the critic says at the marks of a trace, one number a mark. */
export interface MarkValues {
  readonly f: ArrayLike<number>;
  /** Of a shaped critic alone: f = g + shape. */
  readonly g?: ArrayLike<number>;
  readonly shape?: ArrayLike<number>;
}

/** The critic's reward of one trace. */
export interface TraceReward {
  /** Of each token: that of its segment. */
  readonly tokens: Float32Array;
  /**
   * Of the trace as a whole where it is not the mean over its tokens: for a shaped critic the mean over its segments,
   * clipped again.
   */
  readonly whole?: number;
  /** The reward head at each token; of a shaped critic alone. */
  readonly g?: Float32Array;
  /** The values at the marks, divided by the temperature, before they were whitened and clipped. */
  readonly raw: readonly number[];
}

type RewardedRecord = Pick<TraceRecord, 'id' | 'marks' | 'segments' | 'forced' | 'logp'> &
  Partial<Pick<TraceRecord, 'finish' | 'answerExtracted'>>;

/**
 * The rewards of traces from what the critic says at their marks: the values of the form, divided by the temperature,
 * whitened, clipped, and filled back to the tokens of each segment.
 *
 * @param statistics of all rewards so far, with the normalisation `running`; brought up to date first
 */
export function rewardsOf(
  values: readonly MarkValues[],
  records: readonly RewardedRecord[],
  options: RewardOptions,
  statistics?: RewardStatistics,
): TraceReward[] {
  const { clip, temperature, malformed } = options;
  const raw = values.map((of, i) => formValues(of, records[i]!, options).map((value) => value / temperature));
  const whiten = whitening(raw, options, statistics);
  return raw.map((own, i) => {
    const { marks, finish, answerExtracted } = records[i]!;
    const isMalformed = malformed !== undefined && (finish === 'length' || answerExtracted === null);
    const bounded = (value: number): number =>
      isMalformed ? Math.min(clipped(value, clip), malformed) : clipped(value, clip);
    const rewards = own.map((value) => bounded(whiten(value)));
    const whole = bounded(meanReward(rewards));
    const { g } = values[i]!;
    return {
      tokens: backfill(rewards, marks),
      ...(g === undefined ? {} : { whole, g: backfill(Array.from(g), marks) }),
      raw: own,
    };
  });
}

/**
 * The reward of each of T tokens (form `f`): the critic's logit at the next mark, divided by the
 * temperature, clipped. r_t = clip(f[mark(t)] / temperature).
 *
 * @param markLogits the critic's logits, one a mark
 * @param marks ascending, the last one T - 1
 */
export function tokenRewards(
  markLogits: ArrayLike<number>,
  marks: ArrayLike<number>,
  { temperature, clip }: Pick<RewardOptions, 'temperature' | 'clip'>,
): Float32Array {
  return backfill(
    Array.from(markLogits, (logit) => clipped(logit / temperature, clip)),
    marks,
  );
}

/** The reward of a whole completion: the mean of its token rewards (the reference's `average_dense`). */
export function meanReward(rewards: ArrayLike<number>): number {
  let sum = 0;
  for (let t = 0; t < rewards.length; t++) sum += rewards[t] as number;
  return sum / rewards.length;
}

/** Mean and deviation of raw rewards, where they are on another scale than a clipped logit's. */
export function rewardScale(
  rewards: readonly Pick<TraceReward, 'raw'>[],
  { form = 'f', normalise = 'none' }: Pick<RewardOptions, 'form' | 'normalise'>,
): MetricRow {
  if (form === 'f' && normalise === 'none') return {};
  const statistics = new RewardStatistics();
  statistics.add(rewards.flatMap(({ raw }) => raw));
  return { 'disc/reward_mean': statistics.mean, 'disc/reward_std': statistics.deviation };
}

/** The values of a reward form, one a mark. */
function formValues(
  { f, g, shape }: MarkValues,
  record: RewardedRecord,
  { form = 'f', shapeWeight = 0, logpi = 'sum' }: RewardOptions,
): number[] {
  switch (form) {
    case 'f':
      return Array.from(f);
    case 'f-minus-logpi': {
      const densities = segmentLogProbs(record, logpi);
      return Array.from(f, (value, k) => value - densities[k]!);
    }
    case 'g':
      if (g === undefined || shape === undefined) {
        throw new ToolError('config', {
          op: 'reward.form, critic.kind',
          expected: 'a shaped critic, which has a reward head g',
          got: 'a plain one',
          hint: 'set critic.kind=shaped, or reward.form=f.',
        });
      }
      return Array.from(g, (value, k) => value + shapeWeight * shape[k]!);
  }
}

/** log pi of each segment under the policy that sampled it, nats: over the tokens that the policy wrote. */
function segmentLogProbs({ id, segments, forced, logp }: RewardedRecord, how: 'sum' | 'mean'): number[] {
  if (logp === undefined) {
    throw new ToolError('config', {
      op: 'reward.form',
      expected: "the policy's log-probabilities of the sample, for the form f-minus-logpi",
      got: `none in ${id}`,
      hint: 'set reward.form=f or g.',
    });
  }
  return segments.map(({ start, end }) => {
    let sum = 0;
    let tokens = 0;
    for (let t = start; t <= end; t++) {
      if (forced[t]) continue;
      sum += logp[t]!;
      tokens++;
    }
    return how === 'sum' || tokens === 0 ? sum : sum / tokens;
  });
}

function clipped(value: number, clip: RewardOptions['clip']): number {
  return clip === null ? value : Math.min(Math.max(value, clip[0]), clip[1]);
}

/** (value - mean) / (deviation + 1e-8) over the marks of these traces, or of all so far; the values as they are if none. */
function whitening(
  raw: readonly (readonly number[])[],
  { normalise = 'none' }: RewardOptions,
  statistics: RewardStatistics | undefined,
): (value: number) => number {
  if (normalise === 'none') return (value) => value;
  const held = normalise === 'running' ? statistics : new RewardStatistics();
  if (held === undefined) {
    throw new ToolError('failed', {
      op: 'reward.normalise',
      expected: 'statistics of the rewards so far, for the normalisation running',
      got: 'none',
    });
  }
  held.add(raw.flat());
  const { mean, deviation } = held;
  return (value) => (value - mean) / (deviation + 1e-8);
}
