import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { RunEnvironment } from '../run/environment.ts';
import { CONFIG, ENVIRONMENT } from '../run/run-directory.ts';
import { isRunLocked } from '../run/run-lock.ts';
import { readJsonLines } from './read-json-lines.ts';

/** What a run does, told from the sections of its configuration. */
export type RunKind = 'demo' | 'study' | 'train irl' | 'train opsd' | 'train grpo' | 'train sft' | 'evaluate' | 'other';

export type RunState = 'running' | 'finished' | 'crashed' | 'stopped';

/** A run folder as others than the run itself see it: everything is read, nothing is locked or written. */
export interface RunFolder {
  readonly path: string;
  readonly kind: RunKind;
  /** Every field, as config.lock.json has it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** One entry a start; empty where the run failed before its first step. */
  readonly starts: readonly RunEnvironment[];
  readonly state: RunState;
  /** Rows of metrics.jsonl, oldest first. */
  readonly metrics: readonly Readonly<Record<string, unknown>>[];
  /** When a file of the run was last written, in milliseconds since 1970. */
  readonly writtenMs: number;
}

const METRICS = 'metrics.jsonl';
const SAMPLES = 'samples.jsonl';
const CRASH = 'crash.json';

export function isRunFolder(path: string): boolean {
  return existsSync(join(path, CONFIG));
}

/** Reads a run folder. Throws ToolError 'config' for any other folder, 'corrupt' for damaged files. */
export function readRunFolder(path: string): RunFolder {
  if (!isRunFolder(path)) {
    throw new ToolError('config', {
      op: path,
      expected: `the folder of a run, with ${CONFIG}`,
      got: existsSync(path) ? 'a folder or file without it' : 'no such folder',
      hint: 'dawngrad ls lists the runs below a folder.',
    });
  }
  const config = readObject(join(path, CONFIG));
  const environment = existsSync(join(path, ENVIRONMENT)) ? readObject(join(path, ENVIRONMENT)) : undefined;
  const { rows: metrics } = readJsonLines(join(path, METRICS));
  const written = [CONFIG, ENVIRONMENT, METRICS, SAMPLES]
    .map((name) => join(path, name))
    .filter((file) => existsSync(file));
  const kind = kindOf(config);
  return {
    path,
    kind,
    config,
    starts: (environment?.starts ?? []) as RunEnvironment[],
    state: stateOf(path, kind, config, metrics),
    metrics,
    writtenMs: Math.max(...written.map((file) => statSync(file).mtimeMs)),
  };
}

/** A field by its dotted name; undefined where the configuration has none. */
export function configValue(config: Readonly<Record<string, unknown>>, key: string): unknown {
  return key.split('.').reduce<unknown>((value, name) => {
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  }, config);
}

/** The last value of a metric that has one. */
export function lastMetric(metrics: RunFolder['metrics'], name: string): number | undefined {
  const value = metrics.findLast((row) => typeof row[name] === 'number')?.[name];
  return value as number | undefined;
}

function kindOf(config: Readonly<Record<string, unknown>>): RunKind {
  if ('demo' in config) return 'demo';
  if ('study' in config) return 'study';
  if ('warmup' in config && 'critic' in config) return 'train irl';
  if ('opsd' in config) return 'train opsd';
  if ('optim' in config) return 'sampling' in config ? 'train grpo' : 'train sft';
  return 'eval' in config ? 'evaluate' : 'other';
}

/** A study has a report from its first seed on, which tells whether more are to come. */
function isWholeStudy(path: string): boolean {
  const file = join(path, 'study.json');
  return existsSync(file) && readObject(file).isWhole === true;
}

function stateOf(
  path: string,
  kind: RunKind,
  config: Readonly<Record<string, unknown>>,
  metrics: RunFolder['metrics'],
): RunState {
  if (isRunLocked(path)) return 'running';
  const steps = configValue(config, 'train.max_steps');
  const isFinished =
    kind === 'study'
      ? isWholeStudy(path)
      : typeof steps === 'number'
        ? (lastMetric(metrics, 'step') ?? 0) >= steps
        : ['summary.json', 'evaluation.json'].some((name) => existsSync(join(path, name)));
  if (isFinished) return 'finished';
  return existsSync(join(path, CRASH)) && kind !== 'other' ? 'crashed' : 'stopped';
}

function readObject(path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null) throw new TypeError('not an object');
    return value as Record<string, unknown>;
  } catch (cause) {
    throw new ToolError('corrupt', { op: path, expected: 'a JSON object', got: 'other text', cause });
  }
}
