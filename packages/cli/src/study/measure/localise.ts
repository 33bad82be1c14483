import { fitThreshold, type SignalName, type StepTrace, stepBadness, stepChanges } from '@dawngrad/eval';
import type { LocaliseMeasure } from '../seed-measures.ts';

/** A trace with a known first error, and what a scorer says about its units. */
export interface LocalisedTrace {
  /** The first wrong unit. */
  readonly error: number;
  /** How many units it has, the tail among them: what chance draws from. */
  readonly candidates: number;
  /** One score a unit; the last unit may have none, and is not named then. */
  readonly units: readonly number[];
}

export type LocaliseRule = Exclude<LocaliseMeasure['rule'], 'always-first'>;

/**
 * The unit that a rule names, the first one on ties. `drop`: the largest fall from the unit before, the first unit
 * against 0, where a critic is undecided, proof-reading's odds are even and a policy is certain. `lowest`: the lowest
 * unit. `threshold`: the first unit below it, and the lowest where none is.
 */
export function namedUnit(rule: LocaliseRule, units: readonly number[], threshold: number): number {
  if (rule === 'threshold') {
    const below = units.findIndex((value) => value < threshold);
    if (below >= 0) return below;
  }
  const trace = asSteps(units);
  return firstLargest(rule === 'drop' ? stepChanges(trace, SIGNAL) : stepBadness(trace, SIGNAL));
}

/** The threshold that names the first wrong unit most often in traces that nothing is reported on. */
export function fitUnitThreshold(dev: readonly LocalisedTrace[]): number {
  const fitted = fitThreshold(
    dev.flatMap(({ units }) => units),
    (threshold) => countHits('threshold', dev, threshold),
  );
  return Number.isNaN(fitted) ? 0 : fitted;
}

/** How often a rule names the first wrong unit. */
export function countHits(rule: LocaliseRule, traces: readonly LocalisedTrace[], threshold: number): number {
  return traces.filter(({ units, error }) => namedUnit(rule, units, threshold) === error).length;
}

/** The expected share of hits of a unit drawn at random from each trace's own. */
export function chanceHits(traces: readonly Pick<LocalisedTrace, 'candidates'>[]): number {
  return traces.reduce((sum, { candidates }) => sum + 1 / candidates, 0) / traces.length;
}

/** `count` of the items, evenly spaced; all where there are no more. */
export function evenly<Item>(items: readonly Item[], count: number): Item[] {
  const taken = Math.min(count, items.length);
  return Array.from({ length: taken }, (_, i) => items[Math.floor((i * items.length) / taken)]!);
}

/** All signals here are of this kind: an error shows as a fall, and nothing is known at 0. */
const SIGNAL: SignalName = 'critic';

/** A trace whose steps are one token each. */
function asSteps(units: readonly number[]): StepTrace {
  return {
    id: '',
    cluster: '',
    stratum: '',
    signals: { critic: units, logp: units, entropy: units },
    stepEnds: units.map((_, unit) => unit + 1),
    firstError: null,
  };
}

function firstLargest(values: readonly number[]): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
