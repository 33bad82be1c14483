import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError, type ConfigFault } from '../config/config-error.ts';
import { nearest } from '../config/nearest.ts';
import { readConfigFile } from '../config/read-config-file.ts';
import { parseYaml, type YamlText } from '../config/yaml-text.ts';
import { byteSizeOption } from '../merge/byte-size-option.ts';
import { slurmSchema } from './slurm/slurm-options.ts';

const NAME = z.string().regex(/^[A-Za-z][\w-]*$/, 'a name of letters, digits, _ and -');
const axisValue = z.union([z.string(), z.number(), z.boolean()], 'a text, a number or a boolean');
const axis = z.array(axisValue, 'a list of values').min(1, 'at least one value');
const environment = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean()]).transform(String),
  'names and texts',
);
/** Values that an axis has to have: one, or any of a list. */
const condition = z.record(NAME, z.union([axisValue, axis]), 'axes and their values');

const stage = z.strictObject({
  /** The verb, with its kind where it has one: `train sft`. */
  run: z.string('a verb of dawngrad, such as train sft'),
  config: z.string('a path').optional(),
  set: z.record(z.string(), z.unknown(), 'keys of the configuration and values').default({}),
  args: z.array(z.union([z.string(), z.number()]).transform(String), 'a list of texts').default([]),
  inputs: z
    .record(
      NAME,
      z.union([
        NAME,
        z.strictObject({ stage: NAME, at: z.record(NAME, axisValue).default({}), gather: z.array(NAME).default([]) }),
      ]),
    )
    .default({}),
  after: z.array(NAME, 'a list of stages').default([]),
  axes: z.array(NAME, 'a list of axes').optional(),
  only: condition.default({}),
  skip: z.array(condition, 'a list of sections').default([]),
  env: environment.default({}),
  slurm: slurmSchema.default({}),
});

const schema = z.strictObject({
  name: NAME,
  dir: z.string('a path').optional(),
  axes: z.record(NAME, axis).default({}),
  paired: z.array(z.record(NAME, axis), 'a list of sections').default([]),
  exclude: z.array(condition, 'a list of sections').default([]),
  env: environment.default({}),
  adapters: z.array(environment, 'a list of sections').default([]),
  slots: z.int('a whole number').min(1, 'at least 1').optional(),
  least_free: z.string('a size such as 10GB').default('1GB'),
  code: z.enum(['version', 'commit', 'none'], 'version, commit or none').default('version'),
  slurm: slurmSchema.default({}),
  stages: z
    .record(NAME, stage, 'stages')
    .refine((stages) => Object.keys(stages).length > 0, { error: 'at least one stage' }),
});

export type AxisValue = z.infer<typeof axisValue>;
export type AxisValues = Readonly<Record<string, AxisValue>>;
export type Condition = z.infer<typeof condition>;
export type StageSpec = z.infer<typeof stage>;

/** A sweep as its file describes it. */
export type SweepFile = z.infer<typeof schema> & {
  readonly path: string;
  /** Absolute; all of the sweep lies in it. */
  readonly folder: string;
  readonly leastFreeBytes: number;
  readonly lineOf: YamlText['lineOf'];
};

/** Reads a sweep file. Throws ConfigError with all mistakes of its form; what it names is not looked for yet. */
export function readSweepFile(path: string, folder?: string): SweepFile {
  const { text } = readConfigFile(path);
  const { value, faults, lineOf } = parseYaml(text, path);
  if (faults.length > 0) throw new ConfigError(path, faults);
  const parsed = schema.safeParse(value ?? {});
  if (!parsed.success) throw new ConfigError(path, faultsOf(parsed.error.issues, path, lineOf));
  const file = parsed.data;
  let leastFreeBytes: number;
  try {
    leastFreeBytes = byteSizeOption(file.least_free);
  } catch {
    const place = `${path}:${lineOf(['least_free'])}`;
    throw new ConfigError(path, [
      { place, key: 'least_free', message: `expected a size such as 10GB, got ${JSON.stringify(file.least_free)}.` },
    ]);
  }
  return {
    ...file,
    path,
    folder: resolve(folder ?? file.dir ?? join('outputs', 'sweeps', file.name)),
    leastFreeBytes,
    lineOf,
  };
}

function faultsOf(issues: readonly z.core.$ZodIssue[], path: string, lineOf: YamlText['lineOf']): ConfigFault[] {
  return issues.flatMap((issue): ConfigFault[] => {
    if (issue.code === 'unrecognized_keys') {
      const known = Object.keys(issue.path[0] === 'stages' ? stage.shape : schema.shape);
      return issue.keys.map((key) => {
        const found = nearest(key, known);
        const at = [...issue.path, key];
        const hint = found === undefined ? ` Known: ${known.join(', ')}.` : ` Did you mean ${found}?`;
        return { place: `${path}:${lineOf(at)}`, key: at.join('.'), message: `unknown key.${hint}` };
      });
    }
    const message = `expected ${issue.message.replace(/^Invalid input: expected /, '')}.`;
    return [{ place: `${path}:${lineOf(issue.path)}`, key: issue.path.join('.'), message }];
  });
}

/** A path of a sweep file as the command finds it: from the working folder or, where it is not there, beside the file. */
export function besideSweep(file: Pick<SweepFile, 'path'>, path: string, exists: (path: string) => boolean): string {
  const beside = join(dirname(file.path), path);
  return exists(path) || !exists(beside) ? path : beside;
}
