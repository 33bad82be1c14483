import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { constants, hostname } from 'node:os';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { RunDirectory } from '../run/run-directory.ts';
import { lockRun } from '../run/run-lock.ts';
import { plainText } from '../ui/plain-text.ts';
import { LOG, OUT, RUN, readManifest, type StageManifest, writeManifest } from './stage-manifest.ts';
import { goesOn } from './stage-verb.ts';

export interface RunStageOptions {
  /** What runs dawngrad: an executable and its first arguments. */
  readonly command: readonly string[];
  /** Of the slot: which adapter is its own. */
  readonly env?: Readonly<Record<string, string>>;
  /** `12_3` of Slurm. */
  readonly job?: string;
  /** Seconds that a train stage has for saving after SIGTERM; its own default unless given. */
  readonly graceS?: number;
}

/** A stage at work. */
export interface StageProcess {
  /** Hands a signal on; a train stage saves and ends. */
  readonly signal: (signal: NodeJS.Signals) => void;
  /** The exit code; the manifest says the same. */
  readonly ended: Promise<number>;
}

/** A lost device: the run is whole and goes on from its last checkpoint. */
const DEVICE_LOST = 75;
const MOST_RESTARTS = 3;
const STOPPED: readonly number[] = [130, 143];
const ERROR_LINES = 5;

/**
 * Runs the stage of a folder, which goes on where it was where its verb does so, and writes down what became of it.
 * Throws ToolError 'config' where another process is at it, where a stage that it takes from is not done, or where the
 * disk is full.
 */
export function startStage(folder: string, { command, env = {}, job, graceS }: RunStageOptions): StageProcess {
  const held = readManifest(folder);
  if (held === undefined) {
    throw new ToolError('config', { op: folder, expected: 'the folder of a stage', got: 'one without manifest.json' });
  }
  if (held.state === 'done') return { signal: () => undefined, ended: Promise.resolve(0) };
  for (const id of held.dependsOn) {
    const state = readManifest(join(folder, '..', id))?.state ?? 'not begun';
    if (state === 'done') continue;
    throw new ToolError('config', { op: held.label, expected: `${id} to be done`, got: state });
  }
  const free = freeBytes(folder);
  if (free < held.leastFreeBytes) throw diskFull(folder, free, held.leastFreeBytes);
  if (job !== undefined && held.attempts.at(-1)?.job === job) {
    // Slurm runs a job in one place at a time: locks that its last start left, maybe on a node that is gone, are stale.
    for (const place of [folder, join(folder, RUN)]) rmSync(join(place, 'lock'), { force: true });
  }
  const lock = lockRun(folder);
  const asked = new Set<NodeJS.Signals>();
  let child: ReturnType<typeof spawn> | undefined;
  const work = async (): Promise<number> => {
    try {
      let code = DEVICE_LOST;
      for (let restarts = 0; code === DEVICE_LOST && restarts <= MOST_RESTARTS && asked.size === 0; restarts++) {
        code = await attempt();
      }
      return code;
    } finally {
      lock[Symbol.dispose]();
    }
  };
  return {
    signal: (signal) => {
      asked.add(signal);
      child?.kill(signal);
    },
    ended: work(),
  };

  async function attempt(): Promise<number> {
    // What was done before is on record; only the process that holds the lock writes it.
    const before = readManifest(folder) as StageManifest;
    const { error: _, ...kept } = before;
    const now = { startedAt: new Date().toISOString(), host: hostname(), ...(job === undefined ? {} : { job }) };
    writeManifest(folder, { ...kept, state: 'running', attempts: [...before.attempts, now] });
    const run = join(folder, RUN);
    if (!goesOn(before.verb)) {
      rmSync(run, { recursive: true, force: true });
      mkdirSync(run);
    }
    const more = [
      ...(before.verb[0] === 'evaluate' && RunDirectory.holdsRun(run) ? ['--resume'] : []),
      ...(before.verb[0] === 'train' && graceS !== undefined ? ['--grace-s', String(graceS)] : []),
    ];
    const out = openSync(join(folder, OUT), 'w');
    const log = openSync(join(folder, LOG), 'a');
    const code = await new Promise<number>((resolve) => {
      const [executable = '', ...first] = command;
      // In a group of its own: a Ctrl-C at the terminal is the sweep's, which asks its stages to stop.
      child = spawn(executable, [...first, ...before.args, ...more], {
        cwd: before.workingFolder,
        env: { ...process.env, ...before.env, ...env },
        stdio: ['ignore', out, log],
        detached: true,
      });
      child.on('error', () => resolve(127));
      child.on('close', (exit, signal) => resolve(exit ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
    closeSync(out);
    closeSync(log);
    const isStopped = code !== 0 && (asked.size > 0 || STOPPED.includes(code));
    const state = code === 0 ? 'done' : isStopped ? 'stopped' : 'failed';
    const ended = { ...now, endedAt: new Date().toISOString(), exitCode: code };
    writeManifest(folder, {
      ...kept,
      state,
      attempts: [...before.attempts, ended],
      ...(state === 'failed' ? { error: lastLines(join(folder, LOG)) } : {}),
    });
    return code;
  }
}

/** Bytes that a user may write at a path, or at the nearest folder above it that is there. */
export function freeBytes(path: string): number {
  let place = path;
  while (!existsSync(place)) place = join(place, '..');
  const { bavail, bsize } = statfsSync(place);
  return bavail * bsize;
}

export function diskFull(folder: string, free: number, least: number): ToolError {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  return new ToolError('config', {
    op: folder,
    expected: `at least ${gigabytes(least)} free on its disk (least_free)`,
    got: gigabytes(free),
    hint: 'free space, or keep the sweep elsewhere with --dir.',
  });
}

function lastLines(path: string): string {
  const lines = plainText(readFileSync(path, 'utf8')).trimEnd().split('\n');
  return lines.slice(-ERROR_LINES).join('\n');
}
