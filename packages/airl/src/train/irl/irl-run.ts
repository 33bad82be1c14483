import type { Adamw } from '@dawngrad/autograd';
import type { DecoderModel } from '@dawngrad/models';
import type { RewardStatistics } from '../../credit/reward-statistics.ts';
import type { Critic } from '../../critic/critic.ts';
import type { Alarms } from '../../metrics/alarms.ts';
import type { Task } from '../../task/task.ts';
import type { DeviceMeter } from '../device-metrics.ts';
import type { Health } from '../health.ts';
import type { PhaseClock } from '../phase-clock.ts';
import type { ReferencePolicy } from '../reference-policy.ts';
import type { RunContext } from '../run-context.ts';
import type { BestCounters } from '../step-end.ts';
import type { Counters } from '../training-state.ts';
import type { CriticPhase } from './critic-phase.ts';
import type { IrlOptions } from './irl-options.ts';

/** What an R-AIRL run counts; a checkpoint has it. */
export interface IrlCounters extends Counters, BestCounters {
  /** Rounds done. */
  step: number;
  /** Completion tokens trained on. */
  tokens: number;
  bestAccuracy: number;
  bestStep: number;
  /** Critic updates done, those of the warm-up included. */
  criticUpdates: number;
}

/** An R-AIRL run, as its phases see it. */
export interface IrlRun {
  readonly policy: DecoderModel;
  readonly critic: Critic;
  readonly task: Task;
  readonly options: IrlOptions;
  readonly context: RunContext;
  readonly reference: ReferencePolicy | undefined;
  /** The policy's; the critic's is its phase's own. */
  readonly optimizer: Adamw;
  /** The policy's learning rate after so many rounds. */
  readonly rate: (step: number) => number;
  readonly criticPhase: CriticPhase;
  /** Of the normalisation `running` alone. */
  readonly rewardStatistics: RewardStatistics | undefined;
  readonly counters: IrlCounters;
  readonly health: Health;
  readonly meter: DeviceMeter;
  readonly clock: PhaseClock;
  readonly alarms: Alarms;
  /** Saves a checkpoint, where the run has such: a phase of its own. */
  readonly save: (marks?: { readonly isBest?: boolean; readonly isWarmup?: boolean }) => Promise<void>;
  /** Returns to the last checkpoint where too many steps were skipped, and tells so. */
  readonly goBackIfStuck: () => Promise<boolean>;
}
