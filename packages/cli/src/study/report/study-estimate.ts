import {
  drawResamples,
  estimateMean,
  estimateOverSeeds,
  type Interval,
  pairedDifference,
  type Resamples,
  tInterval,
  wilsonInterval,
} from '@dawngrad/eval';

/** A number of a study with its 95 % interval: over training seeds, or over what one seed was measured on. */
export interface StudyEstimate {
  /** The mean of the seeds' values. */
  readonly value: number;
  /** Null where one seed leaves nothing to make an interval of. */
  readonly low: number | null;
  readonly high: number | null;
  /**
   * `seeds`: Student's t over the values of the seeds, which covers the luck of training. `problems`, `traces`: one
   * seed, so the choice of what it was measured on alone.
   */
  readonly over: 'seeds' | 'problems' | 'traces' | null;
  readonly seeds: number;
  /** Problems or traces, of all seeds together; 0 where that does not apply. */
  readonly n: number;
  readonly unit: 'problems' | 'traces';
  readonly bySeed: readonly { readonly seed: number; readonly value: number }[];
  /** Percentile bootstrap over seeds and, with them, problems. Null with one seed or where it was not asked for. */
  readonly hierarchical: Interval | null;
}

/** One value a test problem, of one seed. */
export interface SeedProblems {
  readonly seed: number;
  readonly values: readonly number[];
}

/** The same problems solved in two ways. */
export interface SeedPair {
  readonly seed: number;
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
}

/** How often something came true. */
interface SeedCount {
  readonly seed: number;
  readonly hits: number;
  readonly n: number;
}

/** A number that has no parts, such as an AUROC, and on how many problems or traces it was found. */
export interface SeedValue {
  readonly seed: number;
  readonly value: number;
  readonly n: number;
}

/** The mean of shares in [0, 1] a problem; null without a seed, and seeds without a problem do not count. */
export function problemEstimate(given: readonly SeedProblems[]): StudyEstimate | null {
  const rows = given.filter(({ values }) => values.length > 0);
  const values = rows.map(({ seed, values }) => ({ seed, value: mean(values), n: values.length }));
  const [only] = rows;
  if (rows.length !== 1) return shareEstimate(values);
  const { low, high } = estimateMean(only!.values, resamplesOf(only!.values.length));
  return { ...valueEstimate(values)!, low, high, over: 'problems' };
}

/** The mean difference on the same problems, ours less theirs; with the bootstrap where `isCrossed` asks for it. */
export function pairedEstimate(
  given: readonly SeedPair[],
  { isCrossed = false }: { readonly isCrossed?: boolean } = {},
): StudyEstimate | null {
  const rows = given.filter(({ ours, theirs }) => ours.length > 0 && ours.length === theirs.length);
  const differences = rows.map(({ ours, theirs }) => ours.map((value, i) => value - theirs[i]!));
  const estimate = valueEstimate(
    rows.map(({ seed }, i) => ({ seed, value: mean(differences[i]!), n: differences[i]!.length })),
  );
  if (estimate === null) return null;
  if (rows.length === 1) {
    const { ours, theirs } = rows[0]!;
    const keyed = (values: readonly number[]): Map<string, number> =>
      new Map(values.map((value, i) => [String(i).padStart(6, '0'), value]));
    const { low, high } = pairedDifference(keyed(ours), keyed(theirs), resamplesOf(ours.length));
    return { ...estimate, low, high, over: 'problems' };
  }
  // Each seed has a world and problems of its own. Columns of the crossed draw are then unrelated, which leaves the
  // draw's variance what it is with a draw of problems for each seed.
  const isEven = differences.every((row) => row.length === differences[0]!.length);
  return { ...estimate, hierarchical: isCrossed && isEven ? estimateOverSeeds(differences).hierarchical : null };
}

/** A share of traces; with one seed Wilson's interval. */
export function countEstimate(given: readonly SeedCount[]): StudyEstimate | null {
  const rows = given.filter(({ n }) => n > 0);
  const estimate = valueEstimate(
    rows.map(({ seed, hits, n }) => ({ seed, value: hits / n, n })),
    'traces',
  );
  if (estimate === null || rows.length !== 1) return withinShares(estimate);
  return { ...estimate, ...wilsonInterval(rows[0]!.hits, rows[0]!.n), over: 'traces' };
}

/**
 * The difference of two shares of a seed. With one seed the interval is Newcombe's from Wilson's bounds (Newcombe 1998,
 * method 10), which takes the two as independent.
 */
export function countDifference(
  given: readonly ComparedShares[],
  unit: StudyEstimate['unit'] = 'traces',
): StudyEstimate | null {
  const rows = given.filter(({ ours, theirs }) => ours.n > 0 && (theirs.n === null || theirs.n > 0));
  const estimate = valueEstimate(
    rows.map(({ seed, ours, theirs }) => ({ seed, value: ours.hits / ours.n - shareOf(theirs), n: ours.n })),
    unit,
  );
  if (estimate === null || rows.length !== 1) return estimate;
  const { ours, theirs } = rows[0]!;
  const [p, q] = [ours.hits / ours.n, shareOf(theirs)];
  const a = wilsonInterval(ours.hits, ours.n);
  const b = theirs.n === null ? { low: q, high: q } : wilsonInterval(theirs.hits, theirs.n);
  return {
    ...estimate,
    low: p - q - Math.hypot(p - a.low, b.high - q),
    high: p - q + Math.hypot(a.high - p, q - b.low),
    over: unit,
  };
}

/** Two shares of one seed. */
export interface ComparedShares {
  readonly seed: number;
  readonly ours: Omit<SeedCount, 'seed'>;
  readonly theirs: Share;
}

/** Counted, or known without error, as chance is. */
export type Share = { readonly hits: number; readonly n: number } | { readonly share: number; readonly n: null };

/** The mean of one number a seed; null without one. */
export function valueEstimate(
  rows: readonly SeedValue[],
  unit: StudyEstimate['unit'] = 'problems',
): StudyEstimate | null {
  if (rows.length === 0) return null;
  const t = tInterval(rows.map(({ value }) => value));
  return {
    value: mean(rows.map(({ value }) => value)),
    low: t?.low ?? null,
    high: t?.high ?? null,
    over: t === null ? null : 'seeds',
    seeds: rows.length,
    n: rows.reduce((sum, { n }) => sum + n, 0),
    unit,
    bySeed: rows.map(({ seed, value }) => ({ seed, value })),
    hierarchical: null,
  };
}

/** As `valueEstimate` of a number that is 0 at least and 1 at most, such as a share or an AUROC. */
export function shareEstimate(rows: readonly SeedValue[]): StudyEstimate | null {
  return withinShares(valueEstimate(rows));
}

/** Student's interval, which few seeds make wide, ends where shares do. */
function withinShares(estimate: StudyEstimate | null): StudyEstimate | null {
  if (estimate === null || estimate.low === null || estimate.high === null) return estimate;
  return { ...estimate, low: Math.max(0, estimate.low), high: Math.min(1, estimate.high) };
}

function shareOf(share: Share): number {
  return share.n === null ? share.share : share.hits / share.n;
}

const drawn = new Map<number, Resamples>();

function resamplesOf(n: number): Resamples {
  let resamples = drawn.get(n);
  if (resamples === undefined) {
    resamples = drawResamples(n);
    drawn.set(n, resamples);
  }
  return resamples;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
