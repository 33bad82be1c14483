import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { Command } from 'commander';
import type { CommandContext } from '../commands/command-context.ts';
import { lockRun, type RunLock } from '../run/run-lock.ts';
import { fitTable } from '../ui/fit-table.ts';
import { terminalWidth } from '../ui/terminal-width.ts';
import { checkAdapters, checkSweep } from './check-sweep.ts';
import { startLocal } from './local-engine.ts';
import { type PlannedStage, planSweep, type SweepPlan } from './plan-sweep.ts';
import { checkSlurm } from './slurm/slurm-client.ts';
import { liveStages, plannedArrays, submitSweep } from './slurm/slurm-engine.ts';
import { countText, shownStates } from './stage-states.ts';
import { SweepDisplay } from './sweep-display.ts';
import { writeRecord } from './sweep-record.ts';
import { sweepTable } from './sweep-table.ts';

export interface SweepOptions {
  readonly engine: 'local' | 'slurm';
  readonly dryRun?: boolean;
  readonly slots?: number;
  readonly dir?: string;
  readonly json?: boolean;
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** What starts dawngrad again: this process's own executable and script. */
export function ownCommand(): string[] {
  return [process.execPath, process.argv[1] ?? ''];
}

/** `dawngrad sweep FILE`. */
export async function runSweep(
  path: string,
  options: SweepOptions,
  program: Command,
  context: CommandContext,
  command: readonly string[] = ownCommand(),
): Promise<void> {
  const plan = await planSweep(path, program, options.dir, context.plugins);
  if (options.dryRun === true) return printPlan(plan, options, context, command);
  const live = liveOf(plan.file.folder, options.engine);
  if (options.engine === 'local' && live.size > 0) {
    throw new ToolError('config', {
      op: plan.file.folder,
      expected: 'a sweep that nobody else runs',
      got: `${live.size} stages whose jobs are in the queue of Slurm`,
      hint: `\`dawngrad sweep cancel ${path}\` takes them out, or go on with --engine slurm.`,
    });
  }
  checkSweep(plan, live);
  mkdirSync(plan.file.folder, { recursive: true });
  using _lock = lockSweep(plan.file.folder);
  if (options.engine === 'slurm') {
    // Before anything is written: whether there is a Slurm to submit to.
    checkSlurm();
    writeRecord(plan, 'slurm', live);
    submitSweep(plan, command, live, (line) => context.err(`${line}\n`));
    context.out(`${plan.file.folder}: \`dawngrad sweep status ${path}\` tells how it goes\n`);
    return;
  }
  checkAdapters(plan, command);
  writeRecord(plan, 'local');
  await runHere(waitingAgain(plan), options, context, command);
}

/** Where this machine has no Slurm to ask, the locks of stages tell whether jobs are at them. */
function liveOf(folder: string, engine: SweepOptions['engine']): ReadonlySet<string> {
  try {
    return liveStages(folder);
  } catch (error) {
    if (engine === 'local' && error instanceof ToolError && error.code === 'config') return new Set();
    throw error;
  }
}

/** A stage that failed or was stopped is tried again with every start. */
function waitingAgain(plan: SweepPlan): SweepPlan {
  const stages = plan.stages.map(({ folder, manifest }): PlannedStage => {
    const { error: _, ...rest } = manifest;
    return { folder, manifest: manifest.state === 'done' ? manifest : { ...rest, state: 'waiting' } };
  });
  return { ...plan, stages };
}

async function runHere(
  { file, stages }: SweepPlan,
  options: SweepOptions,
  context: CommandContext,
  command: readonly string[],
): Promise<void> {
  const slots = options.slots ?? file.slots ?? Math.max(1, file.adapters.length);
  const display = new SweepDisplay({
    write: context.err,
    isTerminal: process.stderr.isTTY === true,
    slots,
    folder: join(file.folder, 'stages'),
  });
  const sweep = startLocal(stages, {
    command,
    slots,
    adapters: file.adapters,
    onChange: (all, changed, slot) => display.changed(all, changed, slot),
  });
  let exitCode = 0;
  const listener = (signal: NodeJS.Signals): void => {
    if (exitCode === 0) {
      context.err(`${signal}: running stages save and end, none begins; once more ends them without saving.\n`);
    }
    exitCode = EXIT_CODES[signal as keyof typeof EXIT_CODES];
    sweep.stop(signal);
  };
  for (const signal of Object.keys(EXIT_CODES)) process.on(signal, listener);
  display.start(sweep.stages);
  try {
    const states = await sweep.ended;
    display.close();
    const all = sweep.stages();
    const wrong = all.filter(({ id }) => ['failed', 'held'].includes(states.get(id) as string));
    context.out(`${file.name}: ${countText(states)}\n`);
    for (const { id, label } of wrong)
      context.out(`  ${states.get(id)} ${label}: ${join(file.folder, 'stages', id)}\n`);
    context.exitWith(exitCode !== 0 ? exitCode : wrong.length > 0 ? 1 : 0);
  } finally {
    display.close();
    for (const signal of Object.keys(EXIT_CODES)) process.off(signal, listener);
  }
}

function printPlan(
  { file, stages, missing }: SweepPlan,
  options: SweepOptions,
  { out, err }: CommandContext,
  command: readonly string[],
): void {
  const manifests = stages.map(({ manifest }) => manifest);
  const states = shownStates(
    manifests.map((one) => (one.state === 'done' ? one : { ...one, state: 'waiting' as const })),
  );
  const folder = join(file.folder, 'stages');
  if (options.json === true) {
    out(
      `${JSON.stringify({ name: file.name, folder: file.folder, stages: manifests, missing: Object.fromEntries(missing) }, null, 2)}\n`,
    );
    return;
  }
  out(
    `${fitTable(
      sweepTable(manifests, states, (id) => join(folder, id), Date.now()),
      terminalWidth(),
    )}\n`,
  );
  out(`${file.name}: ${stages.length} stages in ${file.folder}: ${countText(states)}\n`);
  if (options.engine === 'slurm') {
    const arrays = plannedArrays(manifests, {
      sweep: file.name,
      folder: file.folder,
      workingFolder: process.cwd(),
      command,
    });
    for (const [i, { group }] of arrays.entries()) {
      const { needs } = group;
      const after =
        needs.kind === 'none'
          ? ''
          : needs.kind === 'all'
            ? `, after ${needs.ids.join(', ')}`
            : `, each after that of its index in array ${needs.group + 1}`;
      out(`array ${i + 1}: ${group.stage}, ${group.tasks.size} job${group.tasks.size === 1 ? '' : 's'}${after}\n`);
    }
  }
  for (const [place, labels] of missing)
    err(`not there yet: ${place} (${labels.length} stage${labels.length === 1 ? '' : 's'})\n`);
}

function lockSweep(folder: string): RunLock {
  try {
    return lockRun(folder);
  } catch (cause) {
    if (!(cause instanceof ToolError)) throw cause;
    throw new ToolError('config', {
      op: folder,
      expected: 'a sweep that nobody else runs',
      got: cause.detail.got,
      hint: 'wait for it, `dawngrad sweep cancel` it, or keep this one elsewhere with --dir.',
      cause,
    });
  }
}
