import { join } from 'node:path';
import type { JobGroup } from './job-groups.ts';
import { graceOf, type SlurmOptions, sbatchOptions } from './slurm-options.ts';

export interface BatchScriptOptions {
  readonly sweep: string;
  /** Of the sweep, absolute. */
  readonly folder: string;
  readonly workingFolder: string;
  /** What runs dawngrad on this machine. */
  readonly command: readonly string[];
}

/** Written before jobs are cancelled, so that they do not put themselves back. */
export const CANCELLED = 'cancelled';
const MOST_RESTARTS = 3;
/** A device that was lost; the run goes on from its last checkpoint. */
const DEVICE_LOST = 75;

/** The script of a job array. Every task runs the stage of its index, and puts itself back when it is told to save. */
export function batchScript({ stage, tasks }: JobGroup, options: BatchScriptOptions): string {
  const { sweep, folder, workingFolder } = options;
  const [first] = tasks.values();
  if (first === undefined) throw new RangeError('an array without tasks');
  const { slurm, needsAdapter } = first;
  const log = join(folder, 'slurm', `${stage}-%A_%a.log`);
  const atOnce = slurm.at_once === undefined ? '' : `%${slurm.at_once}`;
  const lines = [
    '#!/bin/bash',
    `#SBATCH --job-name=${sweep}-${stage}`,
    `#SBATCH --array=${[...tasks.keys()].join(',')}${atOnce}`,
    `#SBATCH --output=${JSON.stringify(log)}`,
    '#SBATCH --open-mode=append',
    '#SBATCH --requeue',
    ...sbatchOptions(slurm, needsAdapter).map((option) => `#SBATCH ${option}`),
    'set -u',
    `cd -- ${quote(workingFolder)} || exit 1`,
    'case "$SLURM_ARRAY_TASK_ID" in',
    ...[...tasks].map(([index, { id }]) => `  ${index}) stage=${quote(join(folder, 'stages', id))} ;;`),
    'esac',
    // The id of the array and the index: the plain id of one of its tasks is that of the whole array.
    'job="$SLURM_ARRAY_JOB_ID"_"$SLURM_ARRAY_TASK_ID"',
    `export DAWNGRAD_SWEEP_JOB="$job" DAWNGRAD_SWEEP_GRACE_S=${Math.max(1, graceOf(slurm) - 10)}`,
    ...(slurm.setup ?? []),
    'asked=0',
    `${nodeCommand(first.slurm, options.command).map(quote).join(' ')} sweep stage "$stage" &`,
    'child=$!',
    `trap 'asked=1; kill -TERM "$child" 2>/dev/null' TERM`,
    // A signal ends `wait` before the child ends.
    'while :; do',
    '  wait "$child"; code=$?',
    '  if [ "$asked" = 1 ] && kill -0 "$child" 2>/dev/null; then continue; fi',
    '  break',
    'done',
    'again=0',
    `if [ "$asked" = 1 ] && [ "$code" != 0 ]; then again=1; fi`,
    `if [ "$code" = ${DEVICE_LOST} ] && [ "\${SLURM_RESTART_COUNT:-0}" -lt ${MOST_RESTARTS} ]; then again=1; fi`,
    // A job that was cancelled stays so: only one that Slurm still counts as running was told to save and make room.
    `if [ "$again" = 1 ] && [ ! -e ${quote(join(folder, CANCELLED))} ]; then`,
    '  case "$(scontrol show job "$job" -o 2>/dev/null)" in',
    '    *JobState=RUNNING*) scontrol requeue "$job" ;;',
    '  esac',
    'fi',
    'exit "$code"',
  ];
  return `${lines.join('\n')}\n`;
}

function nodeCommand(
  { command, container_image, container_mounts, apptainer }: SlurmOptions,
  own: readonly string[],
): string[] {
  const inside = command ?? own;
  if (apptainer !== undefined) return ['apptainer', 'exec', '--nv', apptainer, ...inside];
  if (container_image === undefined) return [...inside];
  const mounts = container_mounts === undefined ? [] : [`--container-mounts=${container_mounts}`];
  return ['srun', `--container-image=${container_image}`, ...mounts, ...inside];
}

function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
