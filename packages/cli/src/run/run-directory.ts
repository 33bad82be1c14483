import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { acceptedChanges, type ChangeRules, type ConfigChange } from './config-changes.ts';
import { CRASH } from './crash-record.ts';
import type { RunEnvironment } from './environment.ts';
import { LineFile } from './line-file.ts';
import { checkSameInputs } from './run-inputs.ts';
import { lockRun, type RunLock } from './run-lock.ts';

/** Sizes of the growing files at a moment, in bytes; a checkpoint records them. */
export interface FileOffsets {
  readonly metrics: number;
  readonly samples: number;
}

export interface OpenRunOptions {
  readonly path: string;
  /** The resolved configuration, which the directory keeps as config.lock.json. */
  readonly config: object;
  /** Continue what the directory holds. Without it the directory must be empty or new. */
  readonly resume: boolean;
  /** Which fields may change on a resume; none but `run.dir` unless said. */
  readonly rules?: ChangeRules;
}

export const CONFIG = 'config.lock.json';
export const ENVIRONMENT = 'env.json';
const METRICS = 'metrics.jsonl';
const SAMPLES = 'samples.jsonl';
export const CHECKPOINTS = 'ckpt';

/** A start that failed before its first step leaves these, and nothing worth keeping. */
const NOTHING_YET: readonly string[] = [CONFIG, ENVIRONMENT, CRASH];
/** What a process leaves that is killed while it takes the lock or writes one of these. */
const LEFTOVER = /^(lock(\..*)?|(config\.lock|env)\.json\.\d+\.tmp)$/;

/** A folder that was moved is still the same run. */
const NO_CHANGES: ChangeRules = { isSafe: (key) => key === 'run.dir', presetOf: () => undefined };

const ENVIRONMENT_SCHEMA = 2;
interface EnvironmentFile {
  readonly schema: number;
  readonly starts: readonly (RunEnvironment & {
    /** What this start changed of the configuration; only where it changed something. */
    readonly changes?: readonly ConfigChange[];
  })[];
}

/**
 * The folder that holds all of a run: `config.lock.json` (every field), `env.json` (one entry for each
 * start), `metrics.jsonl`, `samples.jsonl`, `ckpt/`. One process at a time.
 */
export class RunDirectory {
  readonly path: string;
  /** Where checkpoints go. */
  readonly checkpoints: string;
  /** Fields whose value this start changed. */
  readonly changes: readonly ConfigChange[];
  readonly #lock: RunLock;
  #metrics: LineFile | undefined;
  #samples: LineFile | undefined;

  private constructor(path: string, lock: RunLock, changes: readonly ConfigChange[]) {
    this.path = path;
    this.changes = changes;
    this.checkpoints = join(path, CHECKPOINTS);
    this.#lock = lock;
  }

  /** SHA-256 of the configuration, which checkpoints keep. */
  get configHash(): string {
    return createHash('sha256')
      .update(readFileSync(join(this.path, CONFIG)))
      .digest('hex');
  }

  /** One row a step; made when it is first asked for. */
  get metrics(): LineFile {
    this.#metrics ??= new LineFile(join(this.path, METRICS));
    return this.#metrics;
  }

  /** One row a logged sample; made when it is first asked for. */
  get samples(): LineFile {
    this.#samples ??= new LineFile(join(this.path, SAMPLES));
    return this.#samples;
  }

  /** Whether a folder holds a run that got beyond its start, so that it is there to be continued. */
  static holdsRun(path: string): boolean {
    if (!existsSync(join(path, CONFIG))) return false;
    return readdirSync(path).some((name) => !NOTHING_YET.includes(name) && !LEFTOVER.test(name));
  }

  /**
   * Opens a run directory and locks it. Throws ToolError 'config' where it is in use, where it holds
   * something and `resume` is off, or where its configuration differs from `config` in what may not change.
   */
  static open({ path, config, resume, rules = NO_CHANGES }: OpenRunOptions): RunDirectory {
    if (resume && !existsSync(join(path, CONFIG))) {
      throw new ToolError('config', {
        op: path,
        expected: `a run to continue, with ${CONFIG}`,
        got: existsSync(path) ? 'a folder without it' : 'no such folder',
        hint: 'check run.dir, or start without --resume.',
      });
    }
    makeFolder(path);
    const lock = lockRun(path);
    try {
      const names = readdirSync(path);
      for (const name of names) {
        // Only the holder of the lock writes these.
        if (name.endsWith('.tmp') && LEFTOVER.test(name)) rmSync(join(path, name), { force: true });
      }
      const held = names.filter((name) => !isNothingYet(path, name) && !LEFTOVER.test(name));
      let changes: readonly ConfigChange[] = [];
      if (resume) {
        const file = join(path, CONFIG);
        changes = acceptedChanges(file, readJson(file), config, rules);
        if (changes.length > 0) writeAtomically(file, jsonText(config));
      } else if (held.length > 0) {
        throw new ToolError('config', {
          op: path,
          expected: 'a new or empty run directory',
          got: `one that holds ${held.slice(0, 3).join(', ')}${held.length > 3 ? ', ...' : ''}`,
          hint: 'continue it with --resume, or choose another run.dir.',
        });
      } else {
        for (const name of [ENVIRONMENT, CRASH, METRICS, SAMPLES]) rmSync(join(path, name), { force: true });
        writeAtomically(join(path, CONFIG), jsonText(config));
      }
      return new RunDirectory(path, lock, changes);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Adds what this start runs on, and what it changed, to env.json. Throws ToolError 'config' where an input of the run is another
   * one than at its first start: a run that went on would be neither the one nor the other.
   */
  recordEnvironment(environment: RunEnvironment): void {
    const path = join(this.path, ENVIRONMENT);
    const held = readJson(path) as EnvironmentFile | undefined;
    if (held !== undefined && held.schema !== ENVIRONMENT_SCHEMA) {
      throw new ToolError('config', {
        op: path,
        expected: `schema ${ENVIRONMENT_SCHEMA}`,
        got: `schema ${String(held.schema)}, of another version of dawngrad`,
        hint: 'continue the run with that version, or start a new one in another run.dir.',
      });
    }
    const first = held?.starts[0];
    if (first !== undefined) checkSameInputs(first.dataHashes, environment.dataHashes);
    const start = this.changes.length === 0 ? environment : { ...environment, changes: this.changes };
    const file: EnvironmentFile = { schema: ENVIRONMENT_SCHEMA, starts: [...(held?.starts ?? []), start] };
    writeAtomically(path, jsonText(file));
  }

  /** The sizes to record in a checkpoint; what they cover is on the disk when this returns. */
  offsets(): FileOffsets {
    this.metrics.sync();
    this.samples.sync();
    return { metrics: this.metrics.bytes, samples: this.samples.bytes };
  }

  /** Goes back to recorded sizes, so that the steps done again are not there twice. */
  truncate(offsets: FileOffsets): void {
    this.metrics.truncate(offsets.metrics);
    this.samples.truncate(offsets.samples);
  }

  [Symbol.dispose](): void {
    this.#metrics?.close();
    this.#samples?.close();
    this.#lock[Symbol.dispose]();
  }
}

/** Of a start that failed before its first step. Its logs may have been opened. */
function isNothingYet(folder: string, name: string): boolean {
  if (name === METRICS || name === SAMPLES) return statSync(join(folder, name)).size === 0;
  return NOTHING_YET.includes(name);
}

function makeFolder(path: string): void {
  try {
    makeWithParents(resolve(path));
  } catch (cause) {
    const { code = String(cause), path: where = path } = cause as NodeJS.ErrnoException;
    const reason = code === 'EEXIST' ? `a file at ${where}` : code;
    throw new ToolError('config', {
      op: 'run.dir',
      expected: `a folder that can be made at ${path}`,
      got: reason,
      cause,
    });
  }
}

/** Not by `recursive`, which never ends where a folder that is there refuses new ones with ENOENT, as /proc does. */
function makeWithParents(path: string): void {
  if (isFolder(path)) return;
  makeWithParents(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process was faster.
    if (!isFolder(path)) throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The content of a JSON file; undefined where there is none. */
function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ToolError('corrupt', { op: path, expected: 'JSON', got: 'other text', cause });
  }
}

function jsonText(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** The file is there with its whole content or as it was before. */
function writeAtomically(path: string, text: string): void {
  const partial = `${path}.${process.pid}.tmp`;
  try {
    const file = openSync(partial, 'w');
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}
