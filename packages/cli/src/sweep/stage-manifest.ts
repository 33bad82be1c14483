import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { SlurmOptions } from './slurm/slurm-options.ts';
import type { AxisValues } from './sweep-file.ts';

export type StageState = 'waiting' | 'running' | 'done' | 'failed' | 'stopped';

export interface StageAttempt {
  readonly startedAt: string;
  /** Absent while it runs, and of a process that was killed. */
  readonly endedAt?: string;
  readonly exitCode?: number;
  readonly host: string;
  /** `12_3` of Slurm. */
  readonly job?: string;
}

/** `manifest.json` of a stage's folder: what it is, so that it can be run from the folder alone, and what became of it. */
export interface StageManifest {
  readonly schema: 1;
  readonly id: string;
  readonly stage: string;
  readonly label: string;
  readonly values: AxisValues;
  /** SHA-256 of verb, configuration, options, inputs and code; the folder is named by its first characters. */
  readonly hash: string;
  readonly verb: readonly string[];
  /** All arguments of the command. */
  readonly args: readonly string[];
  readonly workingFolder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly needsAdapter: boolean;
  /** Bytes that must be free for it to start. */
  readonly leastFreeBytes: number;
  /** The resolved configuration; null for verbs without one. */
  readonly config: unknown;
  /** SHA-256 of the files and folders that it reads and that no stage makes. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Ids of the stages that it takes from. */
  readonly dependsOn: readonly string[];
  readonly code: { readonly version: string; readonly commit: string | null };
  readonly slurm: SlurmOptions;
  readonly state: StageState;
  readonly attempts: readonly StageAttempt[];
  /** The last lines that a failed stage printed. */
  readonly error?: string;
}

const MANIFEST = 'manifest.json';
export const RUN = 'run';
/** What the command printed on standard output, and on standard error. */
export const OUT = 'out.txt';
export const LOG = 'log.txt';

/** The manifest of a stage's folder; undefined where none was begun. Throws ToolError 'corrupt' for another file. */
export function readManifest(folder: string): StageManifest | undefined {
  const path = join(folder, MANIFEST);
  if (!existsSync(path)) return undefined;
  try {
    const manifest: StageManifest = JSON.parse(readFileSync(path, 'utf8'));
    if (manifest.schema === 1 && typeof manifest.hash === 'string') return manifest;
  } catch {
    // Told below.
  }
  throw new ToolError('corrupt', { op: path, expected: 'a manifest of schema 1', got: 'other text' });
}

export function writeManifest(folder: string, manifest: StageManifest): void {
  writeJson(join(folder, MANIFEST), manifest);
}

/** The file is there with its whole content or as it was before. */
export function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.tmp`;
  const file = openSync(partial, 'w');
  try {
    writeSync(file, `${JSON.stringify(value, null, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(partial, path);
}
