import { ToolError } from '@dawngrad/tensor';
import type { Granularity, Segment } from '../segment/marks.ts';
import { meanReward } from './reward.ts';

/** What is added to a standard deviation before dividing by it. */
const EPSILON = 1e-4;

export const CREDIT_LEVELS = ['sequence', 'token', 'segment'] as const;
export type CreditLevel = (typeof CREDIT_LEVELS)[number];

/**
 * Whether a credit level goes with a granularity: a sparse critic has one value a completion, and the
 * segments of a dense critic are its tokens.
 */
export function isCreditValid(granularity: Granularity, level: CreditLevel): boolean {
  if (granularity === 'sparse') return level === 'sequence';
  return granularity !== 'dense' || level !== 'segment';
}

/** Over which samples the spread is taken: the prompt's group, the whole batch, or not at all. */
export type Scale = 'group' | 'batch' | 'none';

/** A completion as the advantage estimators see it. */
export interface ScoredCompletion {
  /** Completions of the same prompt share their group. */
  readonly group: number | string;
  /** One reward a token, length T >= 1. */
  readonly rewards: ArrayLike<number>;
  /** The segments of the completion; only segment credit reads them. */
  readonly segments: readonly Segment[];
}

export interface CreditOptions {
  readonly level: CreditLevel;
  readonly scale: Scale;
  /** Discount of token credit; the other levels do not use it. */
  readonly gamma: number;
}

export interface Advantages {
  /** One advantage a token for each completion, in the order given. */
  readonly perToken: Float32Array[];
  /** The reward of each completion as a whole (the mean over its tokens). */
  readonly rewards: Float64Array;
  /** Share of groups whose completions all have the same reward: they give no signal. */
  readonly zeroSpreadGroups: number;
}

type Estimator = (completions: readonly ScoredCompletion[], options: CreditOptions) => Float32Array[];

/**
 * Sequence credit. R = mean of r over the tokens; A = (R - mean_group) / (std + 1e-4) for every token,
 * with the unbiased standard deviation.
 */
const sequenceCredit: Estimator = (completions, { scale }) => {
  const totals = completions.map(({ rewards }) => meanReward(rewards));
  const norms = normalisers(
    completions,
    totals.map((total) => [total]),
    scale,
    'unbiased',
  );
  return completions.map(({ rewards }, i) => {
    const { mean, divisor } = norms[i] as Normaliser;
    return new Float32Array(rewards.length).fill(((totals[i] as number) - mean) / divisor);
  });
};

/**
 * Token credit. With mean and std of the group's last-token rewards,
 * a_t = (r_t - mean) / (std + 1e-4) and A_t = a_t + gamma * A_{t+1}, from the last token backwards.
 */
const tokenCredit: Estimator = (completions, { scale, gamma }) => {
  const lastRewards = completions.map(({ rewards }) => [rewards[rewards.length - 1] as number]);
  const norms = normalisers(completions, lastRewards, scale, 'unbiased');
  return completions.map(({ rewards }, i) => {
    const { mean, divisor } = norms[i] as Normaliser;
    const advantages = new Float32Array(rewards.length);
    let next = 0;
    for (let t = rewards.length - 1; t >= 0; t--) {
      next = ((rewards[t] as number) - mean) / divisor + gamma * next;
      advantages[t] = next;
    }
    return advantages;
  });
};

/**
 * Segment credit. The values of all segments of a group together give mean and std (population);
 * A = (value - mean) / max(std, 1e-4) for every token of a segment.
 */
const segmentCredit: Estimator = (completions, { scale }) => {
  const values = completions.map(({ rewards, segments }) => segments.map(({ end }) => rewards[end] as number));
  const norms = normalisers(completions, values, scale, 'population');
  return completions.map(({ rewards, segments }, i) => {
    const { mean, divisor } = norms[i] as Normaliser;
    const advantages = new Float32Array(rewards.length);
    segments.forEach(({ start, end }) => {
      advantages.fill(((rewards[end] as number) - mean) / divisor, start, end + 1);
    });
    return advantages;
  });
};

/** The estimators by credit level. To add one: a function, and a line here. */
const ESTIMATORS: Record<CreditLevel, Estimator> = {
  sequence: sequenceCredit,
  token: tokenCredit,
  segment: segmentCredit,
};

/** The advantages of a batch of completions (r-airl.md, section 4.2). */
export function estimateAdvantages(completions: readonly ScoredCompletion[], options: CreditOptions): Advantages {
  for (const { rewards, group } of completions) {
    if (rewards.length === 0 || !Array.from(rewards).every(Number.isFinite)) {
      throw new ToolError('failed', {
        op: 'estimateAdvantages',
        expected: 'at least one reward a completion, all finite',
        got: `${rewards.length} rewards in group ${group}, some not finite or none at all`,
      });
    }
  }
  const rewards = Float64Array.from(completions, (completion) => meanReward(completion.rewards));
  const groups = groupValues(
    completions,
    Array.from(rewards, (reward) => [reward]),
  );
  const flat = [...groups.values()].filter((values) => Math.max(...values) === Math.min(...values)).length;
  return {
    perToken: ESTIMATORS[options.level](completions, options),
    rewards,
    zeroSpreadGroups: groups.size === 0 ? 0 : flat / groups.size,
  };
}

interface Normaliser {
  readonly mean: number;
  readonly divisor: number;
}

/** Mean and divisor for each completion: the mean is always the group's, the spread is as `scale` says. */
function normalisers(
  completions: readonly ScoredCompletion[],
  values: readonly (readonly number[])[],
  scale: Scale,
  kind: 'unbiased' | 'population',
): Normaliser[] {
  const groups = groupValues(completions, values);
  const divisorOf = (sample: readonly number[]): number => {
    if (scale === 'none') return 1;
    const std = deviation(sample, kind);
    return kind === 'unbiased' ? std + EPSILON : Math.max(std, EPSILON);
  };
  const batchDivisor = divisorOf(values.flat());
  const byGroup = new Map(
    [...groups].map(([group, sample]) => [
      group,
      { mean: meanReward(sample), divisor: scale === 'batch' ? batchDivisor : divisorOf(sample) },
    ]),
  );
  return completions.map(({ group }) => byGroup.get(group) as Normaliser);
}

function groupValues(
  completions: readonly ScoredCompletion[],
  values: readonly (readonly number[])[],
): Map<number | string, number[]> {
  const groups = new Map<number | string, number[]>();
  completions.forEach(({ group }, i) => {
    const sample = groups.get(group) ?? [];
    sample.push(...(values[i] as readonly number[]));
    groups.set(group, sample);
  });
  return groups;
}

/** Standard deviation; 0 for a single value, which has no spread to tell. */
function deviation(sample: readonly number[], kind: 'unbiased' | 'population'): number {
  const mean = meanReward(sample);
  const squares = sample.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const count = kind === 'unbiased' ? sample.length - 1 : sample.length;
  return count < 1 ? 0 : Math.sqrt(squares / count);
}
