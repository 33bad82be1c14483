import type { Adamw } from '@dawngrad/autograd';
import type { DecoderModel } from '@dawngrad/models';
import type { Critic } from '../../critic/critic.ts';
import type { Alarms } from '../../metrics/alarms.ts';
import type { Task } from '../../task/task.ts';
import type { DeviceMeter } from '../device-metrics.ts';
import type { SkipCounters } from '../health.ts';
import type { PhaseClock } from '../phase-clock.ts';
import type { ReferencePolicy } from '../reference-policy.ts';
import type { RunContext } from '../run-context.ts';
import type { Counters } from '../training-state.ts';
import type { CriticPhase } from './critic-phase.ts';
import type { IrlOptions } from './irl-options.ts';

/** What an R-AIRL run counts; a checkpoint has it. */
export interface IrlCounters extends Counters, SkipCounters {
  /** Rounds done. */
  step: number;
  /** Completion tokens trained on. */
  tokens: number;
  skipped: number;
  skippedInRow: number;
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
  readonly counters: IrlCounters;
  readonly meter: DeviceMeter;
  readonly clock: PhaseClock;
  readonly alarms: Alarms;
  /** Saves a checkpoint, where the run has such: a phase of its own. */
  readonly save: () => Promise<void>;
}
