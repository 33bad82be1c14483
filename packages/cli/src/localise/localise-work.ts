import type { TraceSignals } from '@dawngrad/eval';
import type { TraceRequest } from './trace-text.ts';

/** The scores of a trace by its id; every trace asked for is there. */
export type SignalsOf = (id: string) => TraceSignals;

/** A localisation: the traces to be scored, and what is made of their scores. */
export interface LocaliseWork {
  readonly traces: readonly TraceRequest[];
  /** What was left out of the data, and why: text and number. */
  readonly leftOut: Readonly<Record<string, number>>;
  readonly finish: (signalsOf: SignalsOf) => LocaliseResult;
}

export interface LocaliseResult {
  readonly summary: object;
  /** Lines of the file of details. */
  readonly details: { readonly file: string; readonly rows: readonly object[] };
  /** Tables for the terminal. */
  readonly text: string;
}
