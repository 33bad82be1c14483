import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { nearest } from '../config/nearest.ts';
import { lockHolder } from '../run/run-lock.ts';
import { fitTable } from '../ui/fit-table.ts';
import { plainText } from '../ui/plain-text.ts';
import { terminalWidth } from '../ui/terminal-width.ts';
import { CANCELLED } from './slurm/batch-script.ts';
import { accounting, NEVER, queue } from './slurm/slurm-client.ts';
import { arrayOf, cancelSweep, readJobs } from './slurm/slurm-engine.ts';
import { LOG, OUT, readManifest, type StageManifest } from './stage-manifest.ts';
import { countText, type ShownState, shownStates } from './stage-states.ts';
import { type HeldSweep, readSweep } from './sweep-record.ts';
import { sweepTable } from './sweep-table.ts';

export interface SweepQueryOptions {
  readonly dir?: string;
  readonly json?: boolean;
}

/** `dawngrad sweep status`. */
export function sweepStatus(what: string, { dir, json }: SweepQueryOptions, { out }: CommandContext): void {
  const sweep = readSweep(what, dir);
  const { stages, states } = withQueue(sweep);
  const folder = join(sweep.folder, 'stages');
  if (json === true) {
    const rows = stages.map(({ id, label, attempts, error }) => ({
      id,
      label,
      state: states.get(id),
      attempts,
      error,
    }));
    out(`${JSON.stringify({ name: sweep.record.name, engine: sweep.record.engine, stages: rows }, null, 2)}\n`);
    return;
  }
  out(
    `${fitTable(
      sweepTable(stages, states, (id) => join(folder, id), Date.now()),
      terminalWidth(),
    )}\n`,
  );
  out(`${sweep.record.name}: ${countText(states)}\n`);
  for (const { id, label, error } of stages) {
    if (states.get(id) === 'failed') out(`failed ${label}: ${error ?? 'its job ended without a word'}\n`);
  }
}

/** With what Slurm says of jobs that have not begun, or that ended without writing so down. */
function withQueue({ folder, record, stages }: HeldSweep): {
  stages: readonly StageManifest[];
  states: ReadonlyMap<string, ShownState>;
} {
  if (record.engine === 'local') return { stages, states: shownStates(stages) };
  const jobs = readJobs(folder);
  const queued = queue([...jobs.values()].map(arrayOf));
  const isOver = ({ state }: StageManifest): boolean => state === 'done' || state === 'failed' || state === 'stopped';
  const gone = stages.filter((stage) => !isOver(stage) && jobs.has(stage.id) && !queued.has(jobs.get(stage.id) ?? ''));
  const ends = accounting(gone.map(({ id }) => jobs.get(id) as string));
  const merged = stages.map((stage): StageManifest => {
    if (!gone.includes(stage)) return stage;
    // It may have ended between the two looks.
    const now = readManifest(join(folder, 'stages', stage.id)) ?? stage;
    if (isOver(now)) return now;
    // A job that has left the queue and has not written down how it ended was killed, cancelled, or never came to run.
    const isStopped = now.state === 'running' || existsSync(join(folder, CANCELLED));
    const end = ends.get(jobs.get(stage.id) as string);
    const error = end === undefined ? 'its job left the queue; `sweep logs` shows what it printed' : `Slurm: ${end}`;
    return { ...now, state: isStopped ? 'stopped' : 'failed', error };
  });
  const states = new Map(shownStates(merged));
  for (const { id } of merged) {
    const job = queued.get(jobs.get(id) ?? '');
    if (job?.state !== 'PENDING') continue;
    states.set(id, job.reason === NEVER ? 'held' : 'queued');
  }
  return { stages: merged, states };
}

/** `dawngrad sweep cancel`. */
export function sweepCancel(what: string, { dir }: SweepQueryOptions, { out }: CommandContext): void {
  const { folder, record } = readSweep(what, dir);
  if (record.engine === 'slurm') {
    const jobs = cancelSweep(folder);
    out(`${record.name}: ${jobs.length} job${jobs.length === 1 ? '' : 's'} cancelled\n`);
    return;
  }
  const holder = lockHolder(folder);
  if (holder === undefined) {
    out(`${record.name}: nothing runs\n`);
    return;
  }
  // As Ctrl-C at its terminal: stages that run save.
  process.kill(holder, 'SIGINT');
  out(`${record.name}: process ${holder} was asked to save and end\n`);
}

const MOST_LOG_BYTES = 64 * 1024;

/** `dawngrad sweep logs`: of one stage its whole end, of all the last lines of those that failed or run. */
export function sweepLogs(
  what: string,
  name: string | undefined,
  { dir }: SweepQueryOptions,
  { out }: CommandContext,
): void {
  const sweep = readSweep(what, dir);
  const { stages } = sweep;
  const chosen =
    name === undefined
      ? stages.filter(({ state }) => state === 'failed' || state === 'running')
      : stages.filter(({ id, stage, label }) => [id, stage, label].includes(name));
  if (name !== undefined && chosen.length === 0) {
    const found = nearest(name, [...new Set(stages.flatMap(({ id, stage }) => [stage, id]))]);
    throw new ToolError('config', {
      op: name,
      expected: 'a stage of the sweep',
      got: 'none of that name',
      hint: found === undefined ? '`dawngrad sweep status` lists them.' : `did you mean ${found}?`,
    });
  }
  const jobs = readJobs(sweep.folder);
  for (const { id, label, state, stage } of chosen) {
    const own = [LOG, OUT].map((file) => join(sweep.folder, 'stages', id, file));
    const files = [...own, ...jobLog(sweep.folder, stage, jobs.get(id))].filter((path) => existsSync(path));
    out(`${label} (${state})\n`);
    for (const path of files) out(`  ${path}\n${indented(tail(path))}`);
  }
  if (chosen.length === 0) out('no stage failed or runs; name one to see what it printed\n');
}

function jobLog(folder: string, stage: string, job: string | undefined): string[] {
  const logs = join(folder, 'slurm');
  if (job === undefined || !existsSync(logs)) return [];
  return readdirSync(logs)
    .filter((file) => file === `${stage}-${job}.log`)
    .map((file) => join(logs, file));
}

function tail(path: string): string {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, MOST_LOG_BYTES));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    return plainText(bytes.toString('utf8'));
  } finally {
    closeSync(file);
  }
}

function indented(text: string): string {
  return text.trimEnd() === '' ? '' : `${text.trimEnd().replace(/^/gm, '    ')}\n`;
}
