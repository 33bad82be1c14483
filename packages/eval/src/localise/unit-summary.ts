import { drawStratified } from '../stats/stratified.ts';
import type { Annotation } from './annotation.ts';
import { type Answer, type ErrorPlace, type JudgedRow, judge } from './judge.ts';
import type { Direction } from './localisers.ts';
import { countStrata, type LabelledOptions } from './span-summary.ts';
import { SIGNAL_NAMES, SIGNALS, type TraceSignals } from './trace-signals.ts';

/** A visible unit of a trace, by its characters [start, end). */
export interface VisibleUnit {
  readonly stepId: number;
  readonly start: number;
  readonly end: number;
}

/** A wrong trace that a clinician has labelled. */
export interface AnnotatedCase {
  readonly annotation: Annotation;
  readonly textLength: number;
  /** At least one, in the order of the text. */
  readonly units: readonly VisibleUnit[];
  readonly signals: TraceSignals;
}

export interface UnitSummary {
  readonly schema: 1;
  readonly kind: 'annotations';
  readonly n_labels: number;
  readonly n_cases: number;
  /** Labels of no clear error, or of the answer alone: they count as the last unit. */
  readonly n_mapped_to_last: number;
  /** Labels that name no unit; they are in no number. */
  readonly n_unlabelled: number;
  readonly strata: Readonly<Record<string, number>>;
  readonly rows: readonly JudgedRow[];
  readonly agreement: string;
  readonly bootstrap: { readonly resamples: number; readonly seed: number; readonly clusters: string };
}

/** The scores [start, end) that stand for characters, by their share of the text: at least one. */
export function scoreSpan(
  { start, end }: Pick<VisibleUnit, 'start' | 'end'>,
  textLength: number,
  scores: number,
): { readonly start: number; readonly end: number } {
  const length = Math.max(1, textLength);
  const first = Math.floor((Math.max(0, start) / length) * scores);
  const last = Math.ceil((Math.min(length, Math.max(start, end)) / length) * scores);
  const from = Math.max(0, Math.min(scores - 1, first));
  return { start: from, end: Math.max(from + 1, Math.min(scores, last)) };
}

/** The unit that is labelled as the first wrong one, and whether by rule; null where none is. */
export function labelledUnit({
  annotation,
  units,
}: Pick<AnnotatedCase, 'annotation' | 'units'>): { readonly unit: number; readonly isMapped: boolean } | null {
  if (annotation.hasNoClearError || annotation.isFinalAnswerOnly) return { unit: units.length - 1, isMapped: true };
  const unit = units.findIndex(({ stepId }) => stepId === annotation.selectedStepId);
  return unit < 0 ? null : { unit, isMapped: false };
}

/**
 * The unit that holds the largest change for the worse inside the units' region, the first on ties;
 * where it falls between units, the nearest. Null for a trace of one score.
 */
export function unitOfLargestChange(
  values: readonly number[],
  spans: readonly { readonly start: number; readonly end: number }[],
  direction: Direction,
): number | null {
  const sign = direction === 'drop' ? 1 : -1;
  const from = Math.max(1, Math.min(...spans.map(({ start }) => start)) + 1);
  const to = Math.min(values.length, Math.max(...spans.map(({ end }) => end)));
  let best: number | null = null;
  let largest = Number.NEGATIVE_INFINITY;
  for (let t = from; t < to; t++) {
    const change = sign * (values[t - 1]! - values[t]!);
    if (change > largest) [best, largest] = [t, change];
  }
  if (best === null) return null;
  const inside = spans.findIndex(({ start, end }) => start <= best && best < end);
  if (inside >= 0) return inside;
  const distances = spans.map(({ start, end }) => Math.min(Math.abs(best - start), Math.abs(best - (end - 1))));
  return distances.indexOf(Math.min(...distances));
}

/**
 * Clinician-labelled cases by the published rules (r-airl.md, section 7.5 d): one prediction a case,
 * exactly and within one unit, chance 1 / units.
 */
export function summariseUnits(
  cases: readonly AnnotatedCase[],
  { resamples: count, seed }: Pick<LabelledOptions, 'resamples' | 'seed'>,
): UnitSummary {
  const labelled = cases.flatMap((one) => {
    const label = labelledUnit(one);
    return label === null ? [] : [{ ...one, ...label, stratum: one.annotation.expertId }];
  });
  const caseIds = new Set(labelled.map(({ annotation }) => annotation.caseId));
  const resamples = drawStratified(
    new Map(labelled.map(({ annotation, stratum }) => [annotation.caseId, stratum])),
    count,
    seed,
  );
  const places = labelled.map(
    ({ annotation, units, unit }): ErrorPlace => ({
      cluster: annotation.caseId,
      candidates: units.length,
      targets: [unit],
      relevant: [unit],
    }),
  );
  const row = (localiser: string, answerOf: (one: (typeof labelled)[number]) => Answer): JudgedRow =>
    judge(localiser, places, labelled.map(answerOf), {
      reaches: { exact: 0, 'within 1': 1 },
      ks: [],
      reachOfKs: 0,
      resamples,
    });
  return {
    schema: 1,
    kind: 'annotations',
    n_labels: labelled.length,
    n_cases: caseIds.size,
    n_mapped_to_last: labelled.filter(({ isMapped }) => isMapped).length,
    n_unlabelled: cases.length - labelled.length,
    strata: countStrata(labelled),
    rows: [
      row('chance', () => ({ kind: 'chance' })),
      row('always first', () => ({ kind: 'single', candidate: 0 })),
      ...SIGNAL_NAMES.map((name) => {
        const { of, direction } = SIGNALS[name];
        const title = name === 'critic' ? 'critic, largest drop' : `${name} ${direction}`;
        return row(title, ({ signals, units, textLength }) => {
          const values = of(signals);
          const spans = units.map((unit) => scoreSpan(unit, textLength, values.length));
          return { kind: 'single', candidate: unitOfLargestChange(values, spans, direction) };
        });
      }),
    ],
    agreement:
      caseIds.size === labelled.length
        ? 'one label a case: no agreement between annotators can be stated'
        : `${labelled.length} labels of ${caseIds.size} cases; agreement between annotators is not computed`,
    bootstrap: { resamples: count, seed, clusters: 'cases, within annotators' },
  };
}
