import type { Estimate } from '../stats/estimate.ts';
import { estimateClusterMean, type StratifiedResamples } from '../stats/stratified.ts';
import { fitThreshold } from './fit-threshold.ts';
import { aboveChance, isNear, windowUnits } from './grid.ts';
import { firstBelow, firstCandidate, largestChange, largestDifference } from './localisers.ts';
import type { ScoredPair } from './scored-pair.ts';
import { SIGNAL_NAMES, SIGNALS } from './trace-signals.ts';

/** How often one prediction a trace lies within a window of a change. */
export interface WindowHit {
  /** Tokens, and what they are in units of the grid. */
  readonly window: number;
  readonly window_units: number;
  /** Hit@1@window. */
  readonly hit: Estimate | null;
  /** (hit - chance) / (1 - chance) of each trace, averaged; traces where chance is 1 are left out. */
  readonly above_chance: Estimate | null;
}

export interface HeadlineRow {
  readonly localiser: string;
  readonly unit: 'token' | 'bucket';
  /** Tokens a unit. */
  readonly interval: number;
  /** Traces that were judged. */
  readonly n: number;
  readonly windows: readonly WindowHit[];
}

export interface HeadlineOptions {
  /** The grids on which every localiser is judged: 1 is that of tokens. */
  readonly intervals: readonly number[];
  readonly windows: readonly number[];
  /** Threshold of the critic's score, fitted on other traces; null leaves the localiser out. */
  readonly threshold: number | null;
  /** Clusters are prompt ids. */
  readonly resamples: StratifiedResamples;
}

/** The unit that a localiser names in a trace of so many units; null where it names none. */
type Predict = (pair: ScoredPair, interval: number, units: number) => number | null;

/**
 * The headline of localisation: every localiser names one place in an edited trace, and all are
 * judged on the same traces and the same grids, beside the chance of that grid (D27). Only
 * "difference" sees the clean trace.
 */
export function headlineRows(pairs: readonly ScoredPair[], options: HeadlineOptions): HeadlineRow[] {
  const judged = pairs.filter(({ changed, edited }) => changed.some((token) => token < edited.critic.length));
  return options.intervals.flatMap((interval) => [
    chanceRow(judged, interval, options),
    ...Object.entries(localisers(options.threshold)).map(([localiser, predict]) =>
      rowOf(localiser, judged, interval, options, (pair, targets, reach, units) => {
        const unit = predict(pair, interval, units);
        return unit !== null && isNear(unit, targets, reach) ? 1 : 0;
      }),
    ),
  ]);
}

/** The threshold of the critic's score under which the first token is named, by its hits on dev pairs. */
export function fitPairThreshold(pairs: readonly ScoredPair[], window: number): number | null {
  const judged = pairs.filter(({ changed }) => changed.length > 0);
  if (judged.length === 0) return null;
  const lowest = judged.map(({ edited }) => edited.critic.reduce((a, b) => Math.min(a, b)));
  return fitThreshold([...lowest, ...judged.flatMap(({ edited }) => edited.critic)], (threshold) =>
    judged.reduce((hits, { edited, changed }) => {
      const token = firstBelow(edited.critic, threshold);
      return hits + (token !== null && isNear(token, changed, window) ? 1 : 0);
    }, 0),
  );
}

function localisers(threshold: number | null): Record<string, Predict> {
  const rows: Record<string, Predict> = { 'always first': (_, __, units) => firstCandidate(units) };
  for (const name of SIGNAL_NAMES) {
    const { of, direction } = SIGNALS[name];
    const title = name === 'critic' ? 'critic, largest drop' : `${name} ${direction}`;
    rows[title] = ({ edited }, interval) => Math.floor(largestChange(of(edited), direction) / interval);
  }
  rows['critic, clean - edited'] = ({ clean, edited }, interval) =>
    Math.floor(largestDifference(clean.critic, edited.critic) / interval);
  if (threshold !== null) {
    rows['critic, below threshold'] = ({ edited }, interval) => {
      const token = firstBelow(edited.critic, threshold);
      return token === null ? null : Math.floor(token / interval);
    };
  }
  return rows;
}

function chanceRow(pairs: readonly ScoredPair[], interval: number, options: HeadlineOptions): HeadlineRow {
  return rowOf('chance', pairs, interval, options, (_, targets, reach, units) => chance(targets, reach, units));
}

function rowOf(
  localiser: string,
  pairs: readonly ScoredPair[],
  interval: number,
  { windows, resamples }: HeadlineOptions,
  hitOf: (pair: ScoredPair, targets: readonly number[], reach: number, units: number) => number,
): HeadlineRow {
  return {
    localiser,
    unit: interval === 1 ? 'token' : 'bucket',
    interval,
    n: pairs.length,
    windows: windows.map((window) => {
      const reach = windowUnits({ window, interval });
      const values = pairs.map((pair) => {
        const units = Math.ceil(pair.edited.critic.length / interval);
        const targets = pair.changed.map((token) => Math.floor(token / interval));
        const hit = hitOf(pair, targets, reach, units);
        return { cluster: pair.promptId, hit, above: aboveChance(hit, chance(targets, reach, units)) };
      });
      return {
        window,
        window_units: reach,
        hit: estimateClusterMean(
          values.map(({ cluster, hit }) => ({ cluster, value: hit })),
          resamples,
        ),
        above_chance: estimateClusterMean(
          values.map(({ cluster, above }) => ({ cluster, value: above })),
          resamples,
        ),
      };
    }),
  };
}

function chance(targets: readonly number[], reach: number, units: number): number {
  let hits = 0;
  for (let unit = 0; unit < units; unit++) if (isNear(unit, targets, reach)) hits++;
  return hits / units;
}
