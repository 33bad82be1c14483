import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SweepPlan } from '../plan-sweep.ts';
import { type StageManifest, writeJson } from '../stage-manifest.ts';
import { type BatchScriptOptions, batchScript, CANCELLED } from './batch-script.ts';
import { type JobGroup, jobGroups } from './job-groups.ts';
import { cancelJobs, NEVER, queue, submit } from './slurm-client.ts';

const JOBS = 'jobs.json';

/** The job of each stage that was submitted, by its id: `12_3`. */
export function readJobs(folder: string): ReadonlyMap<string, string> {
  const path = join(folder, JOBS);
  return new Map(
    existsSync(path) ? Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>) : [],
  );
}

/** The job arrays that a plan becomes where nothing is in the queue, with their scripts. */
export function plannedArrays(
  stages: readonly StageManifest[],
  options: BatchScriptOptions,
): readonly { readonly group: JobGroup; readonly script: string }[] {
  const done = new Set(stages.flatMap(({ id, state }) => (state === 'done' ? [id] : [])));
  const waiting = stages.filter(({ id }) => !done.has(id));
  return jobGroups(waiting, (id) => done.has(id)).map((group) => ({ group, script: batchScript(group, options) }));
}

/** The stages whose jobs are in the queue and may still come to run, by their ids. Throws ToolError where Slurm is absent. */
export function liveStages(folder: string): ReadonlySet<string> {
  const jobs = [...readJobs(folder)];
  if (jobs.length === 0) return new Set();
  const queued = queue(jobs.map(([, job]) => arrayOf(job)));
  const isLive = (job: string): boolean => (queued.get(job)?.reason ?? NEVER) !== NEVER;
  return new Set(jobs.flatMap(([id, job]) => (isLive(job) ? [id] : [])));
}

/**
 * Submits what is not done and not in the queue. Jobs that wait for something that has failed are cancelled and
 * submitted anew. What was submitted is on record after each array, so that a command that dies leaves no unknown job.
 *
 * @param live stages whose jobs stay as they are
 */
export function submitSweep(
  { file, stages }: SweepPlan,
  command: readonly string[],
  live: ReadonlySet<string>,
  told: (line: string) => void,
): void {
  const { folder, name } = file;
  const jobs = new Map(readJobs(folder));
  const queued = queue([...jobs.values()].map(arrayOf));
  cancelJobs([...jobs.values()].filter((job) => queued.get(job)?.reason === NEVER));
  rmSync(join(folder, CANCELLED), { force: true });
  mkdirSync(join(folder, 'slurm'), { recursive: true });

  const manifests = stages.map(({ manifest }) => manifest);
  const done = new Set(manifests.flatMap(({ id, state }) => (state === 'done' ? [id] : [])));
  const waiting = manifests.filter(({ id }) => !done.has(id) && !live.has(id));
  const groups = jobGroups(waiting, (id) => done.has(id));
  const arrays: string[] = [];
  for (const [i, group] of groups.entries()) {
    const options = { sweep: name, folder, workingFolder: process.cwd(), command };
    const script = batchScript(group, options);
    const dependency = dependencyText(group, arrays, jobs);
    const array = submit(script, dependency);
    arrays.push(array);
    writeFileSync(join(folder, 'slurm', `${group.stage}-${array}.sh`), script);
    for (const [index, { id }] of group.tasks) jobs.set(id, `${array}_${index}`);
    writeJson(join(folder, JOBS), Object.fromEntries(jobs));
    const after = dependency === undefined ? '' : `, after ${dependency}`;
    told(
      `array ${array}: ${group.stage}, ${group.tasks.size} job${group.tasks.size === 1 ? '' : 's'}${after} (${i + 1} of ${groups.length})`,
    );
  }
}

function dependencyText(
  { needs }: JobGroup,
  arrays: readonly string[],
  jobs: ReadonlyMap<string, string>,
): string | undefined {
  if (needs.kind === 'none') return undefined;
  if (needs.kind === 'same-index') return `aftercorr:${arrays[needs.group]}`;
  return `afterok:${needs.ids.map((id) => jobs.get(id)).join(':')}`;
}

export function arrayOf(job: string): string {
  return job.split('_')[0] as string;
}

/** Cancels what is left of a sweep in the queue, and keeps its jobs from putting themselves back. */
export function cancelSweep(folder: string): readonly string[] {
  const jobs = [...readJobs(folder).values()];
  const live = [...queue(jobs.map(arrayOf)).keys()].filter((job) => jobs.includes(job));
  writeFileSync(join(folder, CANCELLED), '');
  cancelJobs(live);
  return live;
}
