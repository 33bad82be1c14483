import type { Message } from '../row.ts';
import type { TraceSignals } from './trace-signals.ts';

/** A clean trace and an edited copy of it, both scored. */
export interface ScoredPair {
  /** Place of the prompt among those of the experiment, and its id. */
  readonly promptIdx: number;
  readonly promptId: string;
  /** Number of edits, 1 to 5; a variant is one of several drawings of as many edits. */
  readonly severity: number;
  readonly variantIdx: number;
  readonly prompt: readonly Message[];
  readonly cleanText: string;
  readonly editedText: string;
  /** The edits by name, in order; `name(no_op)` where an edit found nothing to change. */
  readonly edits: readonly string[];
  /** Changed tokens of the edited trace (`changedPositions`). */
  readonly changed: readonly number[];
  readonly clean: TraceSignals;
  readonly edited: TraceSignals;
  readonly isCleanCorrect: boolean;
  readonly isEditedCorrect: boolean;
  readonly isAnswerUnchanged: boolean;
  readonly traceSource: 'expert' | 'pregenerated';
  /** Of a sampled clean trace; null for an expert's. */
  readonly generationIdx: number | null;
}
