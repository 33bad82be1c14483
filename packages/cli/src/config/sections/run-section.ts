import { z } from 'zod';
import { field, oneOf, section, text, whole } from '../field.ts';

const runFields = (dir: string) => ({
  dir: field(text(), dir, 'path', 'Folder of the run: config, environment, metrics, samples, checkpoints.', {
    safe: true,
  }),
  name: field(
    text().nullable(),
    null,
    'name',
    'What reports call the run, for which other values may refer to it; null = the name of its folder.',
    { safe: true },
  ),
  plugins: field(
    z.array(text(), 'a list of files').refine((paths) => new Set(paths).size === paths.length, 'each file once'),
    [],
    'path',
    'Files that add estimators, critic losses and data sets (docs/research.md); also --plugin. Their code is run.',
  ),
  seed: field(whole(0).max(2 ** 32 - 1, 'at most 4294967295'), 42, 'number', 'Seed of every random draw.'),
});

export const runSection = (dir: string) => section(runFields(dir));

export const trainingRunSection = (dir: string) =>
  section({
    ...runFields(dir),
    resume: field(
      oneOf(['never', 'auto', 'must']),
      'never',
      'choice',
      'Auto: go on with the run in run.dir, or start it where there is none; must: go on; never: only a new run.',
      { safe: true },
    ),
    report_to: field(
      z
        .array(oneOf(['tensorboard', 'mlflow']), 'a list of names')
        .refine((names) => new Set(names).size === names.length, 'each name once'),
      [],
      'name',
      'Where metrics go besides metrics.jsonl: event files for TensorBoard in the run folder, an MLflow server.',
      { safe: true },
    ),
    tracking_uri: field(
      z.url({ protocol: /^https?$/, error: 'a URL of http or https' }).nullable(),
      null,
      'path',
      'The MLflow server; null = MLFLOW_TRACKING_URI of the environment. Unused unless report_to has mlflow.',
      { safe: true },
    ),
    experiment: field(text(), 'dawngrad', 'name', 'The experiment that an MLflow server files the run under.', {
      safe: true,
    }),
  });
