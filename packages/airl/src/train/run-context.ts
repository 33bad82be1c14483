import type { Adamw } from '@dawngrad/autograd';
import type { Critic } from '../critic/critic.ts';
import type { MetricRow } from '../metrics/names.ts';
import type { Reporter } from '../reporter.ts';
import type { OnSpike } from './health.ts';
import type { RestoredState, TrainingState } from './training-state.ts';

/** A line of `samples.jsonl`. Lists have one entry a completion token. */
export interface SampleRow {
  readonly step: number;
  readonly id: string;
  readonly prompt_id: string;
  readonly prompt: string;
  readonly completion: string;
  readonly completion_ids: readonly number[];
  readonly forced: readonly number[];
  readonly answer: string | null;
  readonly gold: string;
  readonly correct: boolean;
  readonly finish: 'end' | 'length';
  readonly reward: number;
  /** Empty without a critic. */
  readonly token_rewards: readonly number[];
  readonly advantages: readonly number[];
  /** The critic's class of the sample, and why; absent without a critic. */
  readonly label?: 'positive' | 'negative';
  readonly label_reason?: string;
}

/** Where a trainer's state goes and comes from. */
export interface Checkpoints {
  /** Steps from one save to the next; the last step is always saved. */
  readonly everySteps: number;
  /** Whether a step with a new best accuracy on dev rows is saved too; true unless said. */
  readonly savesBest?: boolean;
  /** Whether the checkpoint at the end of a critic's warm-up is kept for other runs; false unless said. */
  readonly keepsWarmup?: boolean;
  save(state: TrainingState, options: { readonly isBest: boolean; readonly isWarmup?: boolean }): Promise<void>;
  /** Puts the saved state of this run back into `state`; undefined where the run starts anew. */
  restore(state: TrainingState): Promise<RestoredState | undefined>;
  /** The same in the middle of a run, from its own last checkpoint; undefined where it has saved none. */
  goBack(state: TrainingState): Promise<RestoredState | undefined>;
}

/** A critic and, where its optimiser's state is wanted too, that. */
export interface CriticState {
  readonly critic: Critic;
  readonly optimizer: Adamw | undefined;
}

/** All that a trainer needs of the world around it. */
export interface RunContext {
  readonly reporter: Reporter;
  readonly metrics: (row: MetricRow) => void;
  readonly samples: (row: SampleRow) => void;
  /** Asked after every step: true ends the run after a save. */
  readonly shouldStop: () => boolean;
  /**
   * Asked while samples are drawn: true leaves a round whose samples are not all there, and ends the run with what it
   * had before. A later start draws them again. Default: rounds are finished.
   */
  readonly shouldAbandonRound?: () => boolean;
  /** Asked after every step: true saves a checkpoint, and the run goes on. */
  readonly shouldSave?: () => boolean;
  /** What becomes of a step whose numbers are far from those before it; noted unless said. */
  readonly onSpike?: OnSpike;
  /** Told when a part of an update is recorded for the device; where it throws or ends the process, nothing is lost. */
  readonly onRecorded?: (part: 'micro-batch' | 'critic update') => void;
  /** Puts a stored critic in place of the one that a new run starts with; absent: it starts with the one given. */
  readonly loadCritic?: (state: CriticState) => Promise<void>;
  /** Milliseconds on a clock that does not jump. */
  readonly nowMs: () => number;
  /** Absent: nothing is saved. */
  readonly checkpoints?: Checkpoints;
}

/** How a run ended. */
export interface TrainingResult {
  readonly status: 'finished' | 'stopped';
  /** Steps done, those of earlier starts included. */
  readonly step: number;
}
