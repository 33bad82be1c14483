import { spawnSync } from 'node:child_process';
import { ToolError } from '@dawngrad/tensor';

/** A job of the queue. */
export interface QueuedJob {
  /** `12_3`. */
  readonly job: string;
  /** As Slurm calls it: RUNNING, PENDING, COMPLETING, ... */
  readonly state: string;
  /** Why it waits: Dependency, DependencyNeverSatisfied, Resources, ... */
  readonly reason: string;
}

/** Never comes to be: what it waits for has failed. */
export const NEVER = 'DependencyNeverSatisfied';

/** Throws ToolError 'config' where this machine cannot submit jobs. */
export function checkSlurm(): void {
  slurm('sbatch', ['--version']);
}

/** Submits a script and returns the number of its array. Throws ToolError with what Slurm says. */
export function submit(script: string, dependency: string | undefined): string {
  const more = dependency === undefined ? [] : [`--dependency=${dependency}`];
  const id = /^\d+/.exec(slurm('sbatch', ['--parsable', ...more], script))?.[0];
  if (id !== undefined) return id;
  throw new ToolError('failed', { op: 'sbatch', expected: 'the number of a job', got: 'none' });
}

/** The jobs of arrays that Slurm still knows as pending or running, by `12_3`. */
export function queue(arrays: readonly string[]): ReadonlyMap<string, QueuedJob> {
  const own = new Set(arrays);
  const text = own.size === 0 ? '' : slurm('squeue', ['--array', '--noheader', '--format=%F_%K|%T|%r']);
  const jobs = text.split('\n').flatMap((line): QueuedJob[] => {
    const [job = '', state = '', reason = ''] = line.trim().split('|');
    return own.has(job.split('_')[0] as string) ? [{ job, state, reason }] : [];
  });
  return new Map(jobs.map((job) => [job.job, job]));
}

export function cancelJobs(jobs: readonly string[]): void {
  if (jobs.length > 0) slurm('scancel', jobs);
}

/** How jobs ended, from Slurm's accounting; empty where it keeps none. */
export function accounting(jobs: readonly string[]): ReadonlyMap<string, string> {
  if (jobs.length === 0) return new Map();
  const args = ['--allocations', '--parsable2', '--noheader', '--format=JobID,State', `--jobs=${jobs.join(',')}`];
  const { status, stdout } = spawnSync('sacct', args, { encoding: 'utf8' });
  if (status !== 0) return new Map();
  return new Map(
    stdout
      .trim()
      .split('\n')
      .flatMap((line) => {
        const [job = '', state = ''] = line.split('|');
        return job === '' ? [] : [[job, state] as const];
      }),
  );
}

function slurm(command: string, args: readonly string[], input?: string): string {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    ...(input === undefined ? {} : { input }),
  });
  if (error !== undefined) {
    throw new ToolError('config', {
      op: '--engine slurm',
      expected: `Slurm's ${command} on the PATH`,
      got: (error as NodeJS.ErrnoException).code ?? error.message,
      hint: 'submit from a login node of the cluster, or leave the option out to run on this machine.',
      cause: error,
    });
  }
  if (status === 0) return stdout;
  throw new ToolError('failed', {
    op: command,
    expected: 'Slurm to take it',
    got: stderr.trim() || `exit code ${status}`,
  });
}
