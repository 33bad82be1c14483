import { ToolError } from '@dawngrad/tensor';
import { kindOf } from '../registry.ts';
import type { CreditLevel } from './credit-level.ts';
import type { Normaliser, Scale } from './estimators/estimator.ts';
import { type EstimatorName, estimators } from './estimators/table.ts';
import { groupValues } from './groups.ts';
import { type LocalTermOptions, localTerms } from './local-term.ts';
import { meanReward } from './reward.ts';
import type { ScoredCompletion } from './scored-completion.ts';
import type { Spread } from './spread.ts';

export interface CreditOptions {
  readonly level: CreditLevel;
  /** Baseline and divisor; `group` unless said. */
  readonly estimator?: EstimatorName;
  /** Of the estimator `group`; the others have one of their own. */
  readonly scale: Scale;
  /** Discount of token credit; the other levels do not use it. */
  readonly gamma: number;
  /** A local signal on top of sequence credit; absent: none. */
  readonly local?: LocalTermOptions;
}

export interface Advantages {
  /** One advantage a token for each completion, in the order given. */
  readonly perToken: Float32Array[];
  /** The reward of each completion as a whole: the mean over its tokens, and what comes on top. */
  readonly rewards: Float64Array;
  /** Share of groups whose completions all have the same reward: they give no signal. */
  readonly zeroSpreadGroups: number;
}

type Credit = (completions: readonly ScoredCompletion[], options: CreditOptions) => Float32Array[];

/**
 * Sequence credit. R = mean of r over the tokens (or `whole`), plus what comes on top; A = (R - mean_group) / (std + 1e-4)
 * for every token, with the unbiased standard deviation; plus the local term, if there is one.
 */
const sequenceCredit: Credit = (completions, options) => {
  const totals = wholeRewards(completions);
  const norms = normalisers(
    completions,
    totals.map((total) => [total]),
    options,
    'unbiased',
  );
  const local = options.local === undefined ? undefined : localTerms(completions, options.local);
  return completions.map(({ rewards }, i) => {
    const { mean, divisor } = norms[i]!;
    const advantage = (totals[i]! - mean) / divisor;
    const advantages = new Float32Array(rewards.length).fill(advantage);
    return local === undefined ? advantages : advantages.map((_, t) => advantage + local[i]![t]!);
  });
};

/**
 * Token credit. With mean and std of the group's last-token rewards,
 * a_t = (r_t - mean) / (std + 1e-4) and A_t = a_t + gamma * A_{t+1}, from the last token backwards.
 */
const tokenCredit: Credit = (completions, options) => {
  const lastRewards = completions.map(({ rewards }) => [rewards[rewards.length - 1]!]);
  const norms = normalisers(completions, lastRewards, options, 'unbiased');
  const bonus = normalisedBonus(completions, options);
  return completions.map(({ rewards }, i) => {
    const { mean, divisor } = norms[i]!;
    const advantages = new Float32Array(rewards.length);
    let next = 0;
    for (let t = rewards.length - 1; t >= 0; t--) {
      next = (rewards[t]! - mean) / divisor + options.gamma * next;
      advantages[t] = next + bonus[i]!;
    }
    return advantages;
  });
};

/**
 * Segment credit. The values of all segments of a group together give mean and std (population);
 * A = (value - mean) / max(std, 1e-4) for every token of a segment.
 */
const segmentCredit: Credit = (completions, options) => {
  const values = completions.map(({ rewards, segments }) => segments.map(({ end }) => rewards[end]!));
  const norms = normalisers(completions, values, options, 'population');
  const bonus = normalisedBonus(completions, options);
  return completions.map(({ rewards, segments }, i) => {
    const { mean, divisor } = norms[i]!;
    const advantages = new Float32Array(rewards.length);
    segments.forEach(({ start, end }) => {
      advantages.fill((rewards[end]! - mean) / divisor + bonus[i]!, start, end + 1);
    });
    return advantages;
  });
};

/** The credit by level. To add one: a function, and a line here. */
const CREDITS: Record<CreditLevel, Credit> = {
  sequence: sequenceCredit,
  token: tokenCredit,
  segment: segmentCredit,
};

/** The advantages of a batch of completions (r-airl.md, section 4.2). */
export function estimateAdvantages(completions: readonly ScoredCompletion[], options: CreditOptions): Advantages {
  for (const { rewards, group, bonus = 0 } of completions) {
    if (rewards.length === 0 || !Array.from(rewards).every(Number.isFinite) || !Number.isFinite(bonus)) {
      throw new ToolError('failed', {
        op: 'estimateAdvantages',
        expected: 'at least one reward a completion, all finite',
        got: `${rewards.length} rewards in group ${group}, some not finite or none at all`,
      });
    }
  }
  if (options.local !== undefined && options.level !== 'sequence') {
    throw new ToolError('config', {
      op: 'credit.local, credit.level',
      expected: 'sequence credit, which a local term is added to',
      got: `${options.level} credit, which is local already`,
    });
  }
  const rewards = Float64Array.from(wholeRewards(completions));
  const groups = groupValues(
    completions,
    Array.from(rewards, (reward) => [reward]),
  );
  const flat = [...groups.values()].filter((values) => Math.max(...values) === Math.min(...values)).length;
  return {
    perToken: CREDITS[options.level](completions, options),
    rewards,
    zeroSpreadGroups: groups.size === 0 ? 0 : flat / groups.size,
  };
}

function wholeRewards(completions: readonly ScoredCompletion[]): number[] {
  return completions.map(({ rewards, whole, bonus = 0 }) => (whole ?? meanReward(rewards)) + bonus);
}

/** What comes on top, as an advantage of its own that every token of a completion shares; 0 where nothing does. */
function normalisedBonus(completions: readonly ScoredCompletion[], options: CreditOptions): number[] {
  if (completions.every(({ bonus }) => bonus === undefined)) return completions.map(() => 0);
  const values = completions.map(({ bonus = 0 }) => [bonus]);
  const norms = normalisers(completions, values, options, 'unbiased');
  return norms.map(({ mean, divisor }, i) => (values[i]![0]! - mean) / divisor);
}

function normalisers(
  completions: readonly ScoredCompletion[],
  values: readonly (readonly number[])[],
  { estimator = 'group', scale }: CreditOptions,
  spread: Spread,
): Normaliser[] {
  const norms = estimators.get(estimator)({ completions, values, scale, spread });
  // The norms of a completion without values are not used.
  const isSound = (norm: Normaliser | undefined, i: number): boolean =>
    values[i]!.length === 0 || (Number.isFinite(norm?.mean) && Number.isFinite(1 / (norm?.divisor ?? 0)));
  if (Array.isArray(norms) && norms.length === completions.length && norms.every(isSound)) return norms;
  throw new ToolError('failed', {
    op: `advantage estimator "${estimator}"`,
    expected: `a finite mean and a divisor other than 0 for each of ${completions.length} completions`,
    got: unsoundText(norms, isSound),
  });
}

function unsoundText(norms: unknown, isSound: (norm: Normaliser | undefined, i: number) => boolean): string {
  if (!Array.isArray(norms)) return kindOf(norms);
  const wrong = norms.findIndex((norm, i) => !isSound(norm, i));
  if (wrong < 0) return `${norms.length} of them`;
  const { mean, divisor } = (norms[wrong] ?? {}) as Partial<Normaliser>;
  return `mean ${mean} and divisor ${divisor} of completion ${wrong + 1}`;
}
