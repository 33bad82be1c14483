import { SIGNALS, type SignalName, type TraceSignals } from './trace-signals.ts';

/** A trace in steps with the first wrong one marked (ProcessBench, PRM800K). */
export interface StepTrace {
  readonly id: string;
  /** What is resampled together: traces of one problem. */
  readonly cluster: string;
  readonly stratum: string;
  readonly signals: TraceSignals;
  /** One past the last token of each step, ascending; at least one step. Tokens behind the last are in none. */
  readonly stepEnds: readonly number[];
  /** The first wrong step, 0-based; null where all are right. */
  readonly firstError: number | null;
}

/** Mean of a signal over the tokens of each step. */
function stepValues(trace: StepTrace, name: SignalName): number[] {
  const values = SIGNALS[name].of(trace.signals);
  return trace.stepEnds.map((end, step) => {
    const start = step === 0 ? 0 : trace.stepEnds[step - 1]!;
    let sum = 0;
    for (let t = start; t < end; t++) sum += values[t]!;
    return sum / (end - start);
  });
}

/** How much worse each step is than the one before it; the first, than before anything was written. */
export function stepChanges(trace: StepTrace, name: SignalName): number[] {
  const { direction, start } = SIGNALS[name];
  const sign = direction === 'drop' ? 1 : -1;
  const values = stepValues(trace, name);
  return values.map((value, step) => sign * ((step === 0 ? start : values[step - 1]!) - value));
}

/** How bad each step is by itself: minus its score, minus its log-probability, or its entropy. */
export function stepBadness(trace: StepTrace, name: SignalName): number[] {
  const sign = SIGNALS[name].direction === 'drop' ? -1 : 1;
  return stepValues(trace, name).map((value) => sign * value);
}
