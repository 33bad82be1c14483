import type { CreditOptions } from '../../credit/advantage.ts';
import type { RewardOptions } from '../../credit/reward.ts';
import type { RelabelMode } from '../../relabel.ts';
import type { MarkChoice } from '../../task/create-record.ts';
import type { RoundOptions } from '../grpo.ts';
import type { OptimOptions } from '../optim-options.ts';

export interface IrlOptions extends RoundOptions {
  readonly critic: IrlCriticOptions;
  readonly reward: MarkChoice & RewardOptions;
  readonly credit: CreditOptions;
  /** Whether each demonstrated prompt's expert is scored and learned from like one more sample; false unless said. */
  readonly expertInGroup?: boolean;
  /** Corrupted copies of each expert in an update. */
  readonly corruptedPerExpert: number;
  readonly relabel: RelabelMode;
  readonly replay: {
    /** Rounds of samples that updates draw from besides the current one; the warm-up's count as earlier ones. */
    readonly rounds: number;
    /** Least share of an update's policy samples that comes from the current round. */
    readonly onPolicyFraction: number;
  };
  readonly warmup: {
    /** Critic updates before the first round. */
    readonly steps: number;
    /** Completions of the starting policy for each demonstrated prompt. */
    readonly samplesPerPrompt: number;
  };
}

/** How the critic is trained. */
export interface IrlCriticOptions {
  /** Peak learning rate. */
  readonly lr: number;
  /** Updates in which it rises from 0; absent: all of the critic's warm-up. */
  readonly lrWarmupUpdates?: number;
  /** What follows. */
  readonly lrDecay: 'cosine' | 'none';
  /** Of these, the fields of the schedule are not used. */
  readonly optim: OptimOptions;
  /** Targets are 1 - e for experts and e for negatives. */
  readonly labelSmoothing: number;
  readonly updatesPerRound: number;
  readonly expertsPerUpdate: number;
  readonly policyPerUpdate: number;
  /** The fixed-critic control. */
  readonly freezeAfterWarmup: boolean;
}
