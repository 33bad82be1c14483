import type { CreditOptions } from '../../credit/advantage.ts';
import type { RewardOptions } from '../../credit/reward.ts';
import type { CriticControl } from '../../critic/control.ts';
import type { ObjectiveOptions } from '../../critic/objectives/objective.ts';
import type { CriticLossName } from '../../critic/objectives/table.ts';
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
  /** Of the wrong traces that came with an expert's row, how many an update has; null, which is the default, all. */
  readonly storedPerExpert?: number | null;
  /**
   * Leaves samples that were cut at the length limit out of what the critic sees: they lack the end token that every
   * expert has. They are scored all the same. False unless said.
   */
  readonly dropsCutSamples?: boolean;
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
    /**
     * What becomes of these updates where the run starts from a stored critic (`RunContext.loadCritic`): done on top
     * of those that it had, or, as unless said, taken as done.
     */
    readonly continues?: boolean;
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
  /** `bce` unless said. */
  readonly loss?: CriticLossName;
  /** Further settings of the loss. */
  readonly objective?: Omit<ObjectiveOptions, 'labelSmoothing'>;
  /** Factor of the learning rate of a shaped critic's potential; 0.5 unless said. */
  readonly potentialLrScale?: number;
  /** Factor of the learning rate of all but the critic's head, weights or adapters; in (0, 10], 1 unless said. */
  readonly trunkLrScale?: number;
  /** Targets are 1 - e for experts and e for negatives. */
  readonly labelSmoothing: number;
  readonly updatesPerRound: number;
  /** Null, as `policyPerUpdate` is then: updates see the whole round, and replayed samples as the share leaves room. */
  readonly expertsPerUpdate: number | null;
  readonly policyPerUpdate: number | null;
  /** The fixed-critic control: no update after the warm-up. */
  readonly freezeAfterWarmup: boolean;
  /** No update at all, no warm-up either: for a critic that was trained before. False unless said. */
  readonly freeze?: boolean;
  /** `none` unless said. */
  readonly control?: CriticControl;
}
