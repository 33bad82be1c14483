import { z } from 'zod';

const text = z.string('a text').regex(/^[^\r\n]*$/, 'a text of one line');
const flag = z.string('a text').regex(/^[\w.:,=+/@%-]+$/, 'a text without spaces and quotes');

/** What Slurm is asked for; a stage's own values come before those of the sweep. */
export const slurmSchema = z.strictObject({
  partition: flag.optional(),
  account: flag.optional(),
  qos: flag.optional(),
  constraint: flag.optional(),
  /** GPUs of a job: a number, or a type and a number such as a100:1. 0: none is asked for. */
  gpus: z.union([z.int().min(0), flag], 'a number, or a type and a number').optional(),
  cpus: z.int('a whole number').min(1, 'at least 1').optional(),
  mem: flag.optional(),
  time: flag.optional(),
  /** Jobs of an array at once. */
  at_once: z.int('a whole number').min(1, 'at least 1').optional(),
  /** Seconds before the end of its time that a job is told to save. */
  grace_s: z.int('a whole number').min(1, 'at least 1').optional(),
  /** Further options of sbatch, as they are. */
  options: z.array(flag, 'a list of texts').optional(),
  /** Lines of bash before the command, such as `module load vulkan`. */
  setup: z.array(text, 'a list of texts').optional(),
  /** Image for `srun --container-image` (pyxis). */
  container_image: flag.optional(),
  container_mounts: flag.optional(),
  /** Image for `apptainer exec --nv`. */
  apptainer: flag.optional(),
  /** The command on the nodes; by default the one that submits, by its path. */
  command: z.array(text, 'a list of texts').min(1, 'at least one text').optional(),
});

export type SlurmOptions = z.infer<typeof slurmSchema>;

const DEFAULT_GRACE_S = 120;

/** Seconds that a job has for saving. */
export function graceOf({ grace_s = DEFAULT_GRACE_S }: SlurmOptions): number {
  return grace_s;
}

/** The options of sbatch, without those that say which job it is. A GPU is asked for where the verb computes on one. */
export function sbatchOptions(options: SlurmOptions, needsAdapter: boolean): string[] {
  const gpus = options.gpus ?? (needsAdapter ? 1 : 0);
  const given: readonly (readonly [name: string, value: string | number | undefined])[] = [
    ['partition', options.partition],
    ['account', options.account],
    ['qos', options.qos],
    ['constraint', options.constraint],
    ['gres', gpus === 0 || !needsAdapter ? undefined : `gpu:${gpus}`],
    ['cpus-per-task', options.cpus],
    ['mem', options.mem],
    ['time', options.time],
    ['signal', `B:TERM@${graceOf(options)}`],
  ];
  return [
    ...given.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...(options.options ?? []),
  ];
}
