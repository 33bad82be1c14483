import { isDeepStrictEqual } from 'node:util';
import type { RunFolder } from '../read-run/run-folder.ts';

/** A value that two runs do not share; undefined where one of them has none. */
export interface Difference {
  readonly key: string;
  readonly values: readonly [unknown, unknown];
}

export interface RunComparison {
  readonly runs: readonly [string, string];
  /** Fields of config.lock.json, run.dir left out. */
  readonly config: readonly Difference[];
  /** What they last started on: commit, adapter, versions, hashes of their inputs. */
  readonly environment: readonly Difference[];
  /** The last step that both have, by stage where a run has several; null where they share none. */
  readonly step: number | null;
  readonly stage: string | null;
  /** The first step at which a metric that does not measure time differs; null where none does. */
  readonly partAt: number | null;
  /** Metrics at that last step which differ. */
  readonly metrics: readonly Difference[];
}

/** Parts of env.json that say what a run ran on; when and with which words it was started does not. */
const ENVIRONMENT_KEYS = [
  'dawngrad',
  'commit',
  'node',
  'platform',
  'dawn',
  'driver.name',
  'adapter.description',
  'dataHashes',
];
/** They differ between any two runs. */
const CLOCKED = /^(time\/|perf\/|mem\/|step_time$)/;

/** In what two runs differ. */
export function compareRuns(one: RunFolder, other: RunFolder): RunComparison {
  const shared = sharedRows(one, other);
  const last = shared.at(-1);
  const parting = shared.find(([a, b]) => differences(unclocked(a), unclocked(b), '').length > 0);
  const stage = last?.[0].stage;
  return {
    runs: [one.path, other.path],
    config: differences(one.config, other.config, '').filter(({ key }) => key !== 'run.dir'),
    environment: environmentDifferences(one, other),
    step: (last?.[0].step as number | undefined) ?? null,
    stage: typeof stage === 'string' ? stage : null,
    partAt: (parting?.[0].step as number | undefined) ?? null,
    metrics: last === undefined ? [] : differences(last[0], last[1], ''),
  };
}

type Row = Readonly<Record<string, unknown>>;

/** Rows of the same stage and step, in the order of the first run. */
function sharedRows(one: RunFolder, other: RunFolder): (readonly [Row, Row])[] {
  const place = (row: Row): string => JSON.stringify([row.stage ?? '', row.step]);
  const byPlace = new Map(other.metrics.map((row) => [place(row), row]));
  return one.metrics.flatMap((row) => {
    const match = typeof row.step === 'number' ? byPlace.get(place(row)) : undefined;
    return match === undefined ? [] : [[row, match] as const];
  });
}

function unclocked(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([key]) => !CLOCKED.test(key)));
}

function environmentDifferences(one: RunFolder, other: RunFolder): Difference[] {
  const flat = (run: RunFolder): Map<string, unknown> => new Map(leaves(run.starts.at(-1) ?? {}, ''));
  const [a, b] = [flat(one), flat(other)];
  const isMeant = (key: string): boolean => ENVIRONMENT_KEYS.some((name) => key === name || key.startsWith(`${name}.`));
  const keys = [...new Set([...a.keys(), ...b.keys()])].filter(isMeant);
  return keys.flatMap((key) => {
    const values = [a.get(key), b.get(key)] as const;
    return isDeepStrictEqual(values[0], values[1]) ? [] : [{ key, values }];
  });
}

function differences(one: unknown, other: unknown, key: string): Difference[] {
  if (isDeepStrictEqual(one, other)) return [];
  if (!isSection(one) || !isSection(other)) return [{ key, values: [one, other] }];
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].flatMap((name) => differences(one[name], other[name], key === '' ? name : `${key}.${name}`));
}

function leaves(value: unknown, key: string): (readonly [string, unknown])[] {
  if (!isSection(value)) return [[key, value]];
  return Object.entries(value).flatMap(([name, held]) => leaves(held, key === '' ? name : `${key}.${name}`));
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
