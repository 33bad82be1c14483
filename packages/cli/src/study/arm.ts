import type { CreditLevel, CriticLossName, EstimatorName, Granularity, RelabelMode } from '@dawngrad/airl';

/** A way to train a policy from the base model; a name, and what sets it apart from the others. */
export interface Arm {
  readonly name: string;
  readonly method: 'sft' | 'grpo' | 'irl';
  /** Of R-AIRL: where the critic is read. */
  readonly granularity?: Granularity;
  /** Of R-AIRL: what an advantage belongs to; a whole completion unless said. */
  readonly credit?: CreditLevel;
  /** Of R-AIRL: whether samples with the right answer count as experts; never unless said. */
  readonly relabel?: RelabelMode;
  /** Of R-AIRL: the critic as it was first published (`publishedCritic`), to compare with. */
  readonly critic?: 'published';
  /** Of a variant of R-AIRL: what it has in place of the recipe's. */
  readonly estimator?: EstimatorName;
  readonly loss?: CriticLossName;
  /** SHA-256 of the plugins that these may come from. */
  readonly plugins?: readonly string[];
}

/** What every study needs: the arm that all others are compared with. */
export const SFT: Arm = { name: 'sft', method: 'sft' };
const GRPO: Arm = { name: 'grpo', method: 'grpo' };

const irl = (granularity: Granularity, rest: Omit<Arm, 'name' | 'method' | 'granularity'> = {}, suffix = ''): Arm => ({
  name: `irl-${granularity}${suffix}`,
  method: 'irl',
  granularity,
  ...rest,
});

/** Every density of the reward, each with sequence credit. */
export const DENSITY_ARMS: readonly Arm[] = [SFT, GRPO, irl('sparse'), irl('step'), irl('interval'), irl('dense')];

/** Those, the finer credit levels where they apply, answer-agreement relabelling, and the critic as first published. */
export const ALL_ARMS: readonly Arm[] = [
  ...DENSITY_ARMS,
  irl('step', { credit: 'segment' }, '-segment'),
  irl('interval', { credit: 'segment' }, '-segment'),
  irl('dense', { credit: 'token' }, '-token'),
  irl('interval', { relabel: 'expert-agreement' }, '-relabel'),
  irl('step', { critic: 'published' }, '-published'),
  irl('interval', { critic: 'published' }, '-published'),
];

/** A first look: the variant that is to train best, the one whose critic judges, and what they are compared with. */
export const QUICK_ARMS: readonly Arm[] = [SFT, GRPO, irl('step'), irl('interval')];
