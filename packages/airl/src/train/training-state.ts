import type { Adamw, Parameters } from '@dawngrad/autograd';
import type { DecoderModel } from '@dawngrad/models';
import type { CriticTraining } from '../checkpoint/critic-file.ts';
import type { Critic } from '../critic/critic.ts';
import type { TraceRecord } from '../record.ts';
import type { Replay, ReplayState } from '../replay.ts';

/** Numbers that a trainer goes on from; all are finite. */
export type Counters = Record<string, number>;

/** Something of a run that is kept in a checkpoint as a small JSON value; its numbers are finite. */
export interface StatefulPart<State = unknown> {
  state(): State;
  restore(state: State): void;
}

/**
 * All that decides how a run goes on, beside its configuration: random draws are functions of the step,
 * and the frozen reference is the model that the run started from.
 */
export interface TrainingState {
  readonly method: 'pretrain' | 'sft' | 'grpo' | 'irl' | 'opsd';
  readonly policy: DecoderModel;
  readonly optimizer: Adamw;
  /** `step` is the number of steps done. */
  readonly counters: Counters & { step: number };
  /** The weights of the best step so far, where the run keeps them. */
  readonly best?: Parameters;
  readonly critic?: Critic;
  /** How the critic is trained, for its own file. */
  readonly criticTraining?: CriticTraining;
  readonly criticOptimizer?: Adamw;
  readonly replay?: Replay<TraceRecord>;
  /** By the name that each is saved under. */
  readonly parts?: Readonly<Record<string, StatefulPart>>;
}

/** What a restore does not put into place itself. */
export interface RestoredState {
  readonly replay?: ReplayState<TraceRecord>;
}
