import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { isRunLocked } from '../run/run-lock.ts';
import type { SweepPlan } from './plan-sweep.ts';
import { diskFull, freeBytes } from './run-stage.ts';
import { RUN } from './stage-manifest.ts';

const MOST_SHOWN = 8;

/**
 * What must hold before the first stage starts: files and checkpoints are there, the disk has room, nobody is at a
 * stage. Throws ToolError 'config' with what is wrong.
 *
 * @param live stages that jobs of this sweep are at
 */
export function checkSweep({ file, stages, missing }: SweepPlan, live: ReadonlySet<string> = new Set()): void {
  if (missing.size > 0) {
    const lines = [...missing].map(([place, labels]) => {
      const others = labels.length > 1 ? ` and ${labels.length - 1} more` : '';
      return `${place} (${labels[0]}${others})`;
    });
    const more = lines.length > MOST_SHOWN ? `, and ${lines.length - MOST_SHOWN} more` : '';
    throw new ToolError('config', {
      op: file.path,
      expected: 'files and models that are there',
      got: `${lines.length} that ${lines.length === 1 ? 'is' : 'are'} not: ${lines.slice(0, MOST_SHOWN).join(', ')}${more}`,
    });
  }
  const done = new Map(stages.map(({ folder, manifest }) => [manifest.id, { folder, manifest }]));
  for (const { folder, manifest } of stages) {
    if (manifest.state === 'done') continue;
    for (const id of manifest.dependsOn) {
      const { folder: from = '', manifest: input } = done.get(id) ?? {};
      const isLost =
        input?.state === 'done' && input.verb[0] === 'train' && !existsSync(join(from, RUN, 'ckpt', 'latest'));
      if (!isLost) continue;
      throw new ToolError('config', {
        op: manifest.label,
        expected: `the checkpoint of ${input.label} in ${from}`,
        got: 'none, although that stage is done',
        hint: 'put it back, or remove the folder to have it trained again.',
      });
    }
    if (!live.has(manifest.id) && (isRunLocked(folder) || isRunLocked(join(folder, RUN)))) {
      throw new ToolError('config', {
        op: manifest.label,
        expected: 'a stage that nobody is at',
        got: `one whose process still runs, in ${folder}`,
        hint: 'wait for it, or end it.',
      });
    }
  }
  const free = freeBytes(file.folder);
  if (free < file.leastFreeBytes) throw diskFull(file.folder, free, file.leastFreeBytes);
}

/** Throws ToolError 'no-adapter' with what the doctor says where a stage needs an adapter and a slot has none. */
export function checkAdapters({ file, stages }: SweepPlan, command: readonly string[]): void {
  if (!stages.some(({ manifest }) => manifest.needsAdapter && manifest.state !== 'done')) return;
  const slots = file.adapters.length === 0 ? [{}] : file.adapters;
  for (const [slot, env] of slots.entries()) {
    const [executable = '', ...first] = command;
    const { status, stdout, stderr } = spawnSync(executable, [...first, 'doctor', '--json'], {
      env: { ...process.env, ...file.env, ...env },
      encoding: 'utf8',
    });
    if (status === 0) continue;
    throw new ToolError('no-adapter', {
      op: file.adapters.length === 0 ? 'this machine' : `adapters[${slot}]`,
      expected: 'an adapter that can train',
      got: problemOf(stdout) ?? (stderr.trim().split('\n').at(-1) || 'none'),
      hint: '`dawngrad doctor` says more.',
    });
  }
}

/** The first problem of the doctor's report; undefined where it died before it could report. */
function problemOf(report: string): string | undefined {
  try {
    const { problems }: { problems: readonly string[] } = JSON.parse(report);
    return problems[0]?.split('\n')[0]?.replace(/\.$/, '');
  } catch {
    return undefined;
  }
}
