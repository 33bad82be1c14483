import { basename, relative } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { readRunFolder } from '../read-run/run-folder.ts';
import { fitTable } from '../ui/fit-table.ts';
import { terminalWidth } from '../ui/terminal-width.ts';
import { findRuns } from './find-runs.ts';
import { type RunLine, runLine } from './run-line.ts';

/** Prints the runs below a folder, the newest last. A run that cannot be read is told of and makes the exit code 4. */
export function runLs(
  folder: string,
  { json }: { readonly json?: boolean },
  { out, err, exitWith }: CommandContext,
): void {
  const lines: RunLine[] = [];
  for (const path of findRuns(folder)) {
    try {
      lines.push(runLine(readRunFolder(path)));
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      err(`${error.message}\n`);
      exitWith(4);
    }
  }
  lines.sort((a, b) => a.written.localeCompare(b.written) || a.path.localeCompare(b.path));
  if (json === true) out(`${JSON.stringify(lines, null, 2)}\n`);
  else if (lines.length === 0) out(`no runs below ${folder}\n`);
  else out(`${fitTable(runTable(lines, folder, Date.now()), terminalWidth())}\n`);
}

function runTable(lines: readonly RunLine[], folder: string, nowMs: number): Parameters<typeof fitTable>[0] {
  return {
    columns: [
      { header: 'run', align: 'left' },
      { header: 'kind', align: 'left' },
      { header: 'model', align: 'left' },
      { header: 'seed', align: 'right' },
      { header: 'step', align: 'right' },
      { header: 'state', align: 'left' },
      { header: 'dev %', align: 'right' },
      { header: 'reward', align: 'right' },
      { header: 'written', align: 'right' },
    ],
    rows: lines.map(({ path, kind, state, model, seed, step, maxSteps, devAccuracy, reward, written }) => [
      relative(folder, path) || path,
      kind,
      model === null ? '' : basename(model),
      seed === null ? '' : String(seed),
      step === null ? '' : maxSteps === null ? String(step) : `${step}/${maxSteps}`,
      state,
      devAccuracy === null ? '' : (100 * devAccuracy).toFixed(1),
      reward === null ? '' : reward.toFixed(3),
      age(nowMs - Date.parse(written)),
    ]),
  };
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

function age(ms: number): string {
  if (ms < MINUTE_MS) return 'now';
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min ago`;
  if (ms < 2 * DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ago`;
  return `${Math.floor(ms / DAY_MS)} d ago`;
}
