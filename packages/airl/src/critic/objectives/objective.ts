import type { Device, Tensor } from '@dawngrad/tensor';
import type { Draws } from '../../data/draws.ts';
import type { TraceRecord } from '../../record.ts';
import type { Task } from '../../task/task.ts';
import type { Critic } from '../critic.ts';
import type { CriticRows } from '../critic-rows.ts';

/** A trace of an update, with its class. */
export interface CriticExample {
  readonly record: TraceRecord;
  readonly side: 'positive' | 'negative';
}

/** Settings of the objectives; each reads its own. */
export interface ObjectiveOptions {
  /** `bce`: targets are 1 - e and e. */
  readonly labelSmoothing: number;
  /** `pairwise`: what an expert's logit is to lead by. 0 unless said. */
  readonly margin?: number;
  /** `pairwise`: negatives of a prompt that take part, drawn for each update; 0 (unless said) = all. */
  readonly negativesPerPrompt?: number;
  /** `wasserstein`: weight of the gradient penalty; 10 unless said, as in the paper. */
  readonly penaltyWeight?: number;
  /** `wasserstein`: pairs that the penalty is taken between; one an expert unless said. */
  readonly penaltyPairs?: number;
  /** Shaped critics: weights of the squared potentials and of the squared shaping; 1e-4 unless said. */
  readonly potentialPenalty?: number;
  readonly shapePenalty?: number;
}

/** An update as objectives see it. */
export interface ObjectiveUpdate {
  readonly device: Device;
  readonly critic: Critic;
  readonly task: Task;
  /** All examples, positives first, and the same cut into micro-batches. */
  readonly examples: readonly CriticExample[];
  readonly parts: readonly (readonly CriticExample[])[];
  readonly microBatchTokens: number;
  readonly options: ObjectiveOptions;
  /** The critic's values of a micro-batch. */
  readonly forward: (part: number) => CriticRows;
  /** Draws of this update alone. */
  readonly draws: () => Draws;
}

/** A further loss with a forward pass of its own. */
export interface ObjectiveTerm {
  readonly loss: Tensor;
  /** Norms of the critic's gradient by its input, one a pair. */
  readonly inputGradients: Tensor;
}

/** What an objective makes of an update; called in order, inside one scope. */
export interface PreparedObjective {
  /** The share of a micro-batch: those of all micro-batches and the terms together are differentiated. */
  readonly partLoss: (part: number, rows: CriticRows) => Tensor;
  /** Each is differentiated on its own, so that it bounds the memory. */
  readonly terms?: readonly (() => ObjectiveTerm)[];
  /** The loss, [] or [1], where shares are only surrogates with its gradient. */
  readonly value?: Tensor;
}

/** What the critic minimises. To add one: `registerCriticLoss`; here, a file beside this one, and a line in `table.ts`. */
export interface CriticObjective {
  /** What of a trace takes part: each of its marks, or the trace as a whole (granularity `sparse` alone). */
  readonly unit: 'mark' | 'sequence';
  /** Whether a logit of 0 lies between the classes: only then accuracy, entropy and calibration have a meaning. */
  readonly hasBorder: boolean;
  /** The kinds of critic that it is defined for. */
  readonly kinds: readonly ('plain' | 'shaped')[];
  readonly prepare: (update: ObjectiveUpdate) => PreparedObjective;
}
