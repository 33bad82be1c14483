import type { Estimate } from '../stats/estimate.ts';
import { estimateClusterMean, type StratifiedResamples } from '../stats/stratified.ts';
import { averagePrecision, randomAveragePrecision } from './average-precision.ts';
import { hitAmongLargest } from './delta-metrics.ts';
import { aboveChance, chanceOfAny, isNear } from './grid.ts';

/** Where the error of a trace is, among the candidates that a localiser chooses from. */
export interface ErrorPlace {
  /** Bootstrap cluster of the trace. */
  readonly cluster: string;
  /** Candidates are 0 ... candidates - 1. */
  readonly candidates: number;
  /** Candidates at which the error begins. */
  readonly targets: readonly number[];
  /** Candidates that belong to it. */
  readonly relevant: readonly number[];
}

/** What a localiser says of a trace: a score for each candidate, one candidate or none, or nothing (chance). */
export type Answer =
  | { readonly kind: 'ranking'; readonly scores: readonly number[] }
  | { readonly kind: 'single'; readonly candidate: number | null }
  | { readonly kind: 'chance' };

export interface JudgeOptions {
  /** Tolerances in candidates, by the name under which they are reported. */
  readonly reaches: Readonly<Record<string, number>>;
  readonly ks: readonly number[];
  /** Tolerance of Hit@k, candidates. */
  readonly reachOfKs: number;
  readonly resamples: StratifiedResamples;
}

/** A measure with what is left of it above chance, 0 at chance and 1 at perfect. */
export interface Measure {
  readonly value: Estimate | null;
  readonly above_chance: Estimate | null;
}

export interface JudgedRow {
  readonly localiser: string;
  /** Traces that were judged. */
  readonly n: number;
  /** One prediction a trace within each tolerance. */
  readonly hit: Readonly<Record<string, Measure>>;
  /** By k: any of the k best candidates. Null for localisers that name one alone. */
  readonly hit_at_k: Readonly<Record<string, Measure>> | null;
  readonly map: Measure | null;
}

/** Measures a localiser over traces; both lists go together. */
export function judge(
  localiser: string,
  places: readonly ErrorPlace[],
  answers: readonly Answer[],
  options: JudgeOptions,
): JudgedRow {
  const { reaches, ks, reachOfKs, resamples } = options;
  const measure = (
    measured: (answer: Answer, place: ErrorPlace) => number,
    chanceOf: (place: ErrorPlace) => number,
  ): Measure => {
    const values = places.map((place, i) => {
      const chance = chanceOf(place);
      const answer = answers[i]!;
      const value = answer.kind === 'chance' ? chance : measured(answer, place);
      return { cluster: place.cluster, value, above: aboveChance(value, chance) };
    });
    return {
      value: estimateClusterMean(values, resamples),
      above_chance: estimateClusterMean(
        values.map(({ cluster, above }) => ({ cluster, value: above })),
        resamples,
      ),
    };
  };
  const isRanked = answers.every(({ kind }) => kind !== 'single');
  return {
    localiser,
    n: places.length,
    hit: mapValues(reaches, (reach) =>
      measure(
        (answer, { targets }) => {
          const named = namedBy(answer);
          return named !== null && isNear(named, targets, reach) ? 1 : 0;
        },
        (place) => countNear(place, reach) / place.candidates,
      ),
    ),
    hit_at_k: isRanked
      ? Object.fromEntries(
          ks.map((k) => [
            String(k),
            measure(
              (answer, { targets }) =>
                answer.kind === 'ranking'
                  ? hitAmongLargest(
                      answer.scores,
                      answer.scores.map((_, c) => isNear(c, targets, reachOfKs)),
                      k,
                    )
                  : Number.NaN,
              (place) => chanceOfAny(place.candidates, countNear(place, reachOfKs), k),
            ),
          ]),
        )
      : null,
    map: isRanked
      ? measure(
          (answer, { relevant }) =>
            answer.kind === 'ranking' ? averagePrecision(answer.scores, (c) => relevant.includes(c)) : Number.NaN,
          ({ candidates, relevant }) =>
            relevant.length === 0 ? Number.NaN : randomAveragePrecision(candidates, relevant.length),
        )
      : null,
  };
}

/** The candidate that a ranking names is its best, the first on ties. */
function namedBy(answer: Answer): number | null {
  if (answer.kind === 'chance') return null;
  if (answer.kind === 'single') return answer.candidate;
  let best = 0;
  for (let c = 1; c < answer.scores.length; c++) if (answer.scores[c]! > answer.scores[best]!) best = c;
  return answer.scores.length === 0 ? null : best;
}

function countNear({ candidates, targets }: ErrorPlace, reach: number): number {
  let count = 0;
  for (let c = 0; c < candidates; c++) if (isNear(c, targets, reach)) count++;
  return count;
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
