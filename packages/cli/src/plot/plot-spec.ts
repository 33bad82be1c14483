import { BEST_OF_RULES, FIGURE_KIND_NAMES, SELECTOR_NAMES, TABLE_KIND_NAMES } from '@dawngrad/eval';
import { z } from 'zod';
import { ConfigError, type ConfigFault } from '../config/config-error.ts';
import { nearest } from '../config/nearest.ts';
import { valueAt } from '../config/plain-object.ts';
import { parseYaml } from '../config/yaml-text.ts';

/** The labels that a run may have under its own key; any others go under `labels`. */
export const OWN_LABELS = ['model', 'domain', 'variant', 'method', 'seed', 'reward_domain'] as const;
export const TABLE_FORMATS = ['latex', 'markdown', 'csv', 'json'] as const;
export const FIGURE_FORMATS = ['svg', 'png'] as const;

const one = z.union([z.string().min(1), z.number()]).transform(String);
const some = z.union([one, z.array(one).min(1)]).transform((value) => (Array.isArray(value) ? value : [value]));
const whole = z.int().min(1);
const labelName = z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'a label is letters, digits and _');

const runSchema = z.strictObject({
  path: z.string().min(1).describe('Folder or file of rows, with * and ** and {label}, from the place of this file.'),
  model: some.optional().describe('Value, or list of values: {model} in the path stands for each of them in turn.'),
  domain: some.optional().describe('Data set, the same way.'),
  variant: some.optional().describe('Such as sparse, step, interval, dense.'),
  method: some.optional().describe('Such as sft, grpo, airl.'),
  seed: some.optional().describe('Seed of training: runs that differ in it alone are put together.'),
  reward_domain: some.optional().describe('Domain of the critic, for transfer.'),
  labels: z.record(labelName, some).optional().describe('Any other labels, such as clip: [1, 5].'),
  tokenizer: z
    .string()
    .min(1)
    .optional()
    .describe('Model whose tokenizer made the ids, for token-rewards, with {label}.'),
  calibration: z.string().min(1).optional().describe('Rows of dev prompts to fit scales on, with {label}.'),
});

const statisticsSchema = z.strictObject({
  selector: z.enum(SELECTOR_NAMES).default('mean').describe('How token scores become one.'),
  rule: z.enum(BEST_OF_RULES).default('subsets').describe('Which N: all subsets, or the first N as published.'),
  ks: z.array(whole).min(1).optional().describe('The k of pass@k; default 1, 3, 5, 10.'),
  best_of: z.array(whole).min(1).optional().describe('The N of best-of-N; default 1, 2, 3, 5, 8, 16.'),
  resamples: z.int().min(100).default(1000).describe('Bootstrap resamples of prompts.'),
  seed: z.int().min(0).default(42).describe('Of the bootstrap.'),
  format_adjusted: z.boolean().default(false).describe('Judge rows by the last number of their answer, as a decimal.'),
  tolerate: z.boolean().default(false).describe('Leave out rows that cannot be read, and say so.'),
});

const itemSchema = z.strictObject({
  table: z.enum(TABLE_KIND_NAMES).optional().describe('Kind of table; either this or figure.'),
  figure: z.enum(FIGURE_KIND_NAMES).optional().describe('Kind of figure; either this or table.'),
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dots, hyphens and _ alone')
    .optional()
    .describe('Name of the files; default: the kind.'),
  title: z.string().min(1).optional().describe('Title in place of the one that says what is shown.'),
  where: z.record(labelName, some).optional().describe('Only runs with these values of labels.'),
  each: z.array(labelName).min(1).optional().describe('One for every combination of these labels.'),
  n: whole.optional().describe('N of best-of-N, where the kind has one; default: the largest.'),
  by: labelName.optional().describe('The label that an ablation is about; default variant.'),
  metrics: z.array(z.string().min(1)).min(1).optional().describe('Keys of metrics.jsonl, for training-curves.'),
  prompts: whole.optional().describe('How many prompts token-rewards shows; default 1.'),
  prompt_index: z.int().min(0).optional().describe('Prompt of trace-comparison; default 0.'),
  severity: whole.optional().describe('Edits of trace-comparison; default 5.'),
  variant_index: z.int().min(0).optional().describe('Drawing of the edits of trace-comparison; default 0.'),
  transform: z.enum(['raw', 'zscore']).optional().describe('Scores of trace-comparison; default raw.'),
  formats: z
    .array(z.enum([...TABLE_FORMATS, ...FIGURE_FORMATS]))
    .min(1)
    .optional()
    .describe('Default: all that the kind has.'),
});

const specSchema = z.strictObject({
  title: z.string().optional().describe('Of the whole, for numbers.json.'),
  output: z.string().min(1).default('plots').describe('Folder, from the place of this file.'),
  order: z.record(labelName, z.array(one).min(1)).default({}).describe('Order of the values of a label.'),
  statistics: statisticsSchema.prefault({}),
  runs: z.array(runSchema).min(1),
  make: z.array(itemSchema).min(1),
});

export type PlotSpec = z.output<typeof specSchema>;
export type RunSpec = PlotSpec['runs'][number];
export type PlotItem = PlotSpec['make'][number];

/** The JSON Schema of a spec. */
export function plotSchema(): object {
  return z.toJSONSchema(specSchema, { io: 'input' });
}

/** Parses the YAML text of a spec. Throws ConfigError with every mistake at its line. */
export function parsePlotSpec(text: string, source: string): PlotSpec {
  const { value, faults, lineOf } = parseYaml(text, source);
  if (faults.length > 0) throw new ConfigError(source, faults);
  const found = specSchema.safeParse(value);
  const place = (path: readonly PropertyKey[]): string => `${source}:${lineOf(path)}`;
  if (!found.success)
    throw new ConfigError(
      source,
      found.error.issues.flatMap((issue) => issueFaults(issue, value, place)),
    );
  const wrong = found.data.make.flatMap((item, i) =>
    itemFaults(item).map(({ key, message }): ConfigFault => {
      const path = key === undefined ? ['make', i] : ['make', i, key];
      // An item of a list has no line of its own: that of its first key is meant.
      return { place: place(['make', i, key ?? Object.keys(item)[0] ?? '']), key: dotted(path), message };
    }),
  );
  if (wrong.length > 0) throw new ConfigError(source, wrong);
  return found.data;
}

/** Options that some kinds alone have: elsewhere they would say nothing, and are refused. */
const KINDS_OF_OPTION = {
  n: ['reranking', 'selector-variants'],
  by: ['ablation'],
  metrics: ['training-curves'],
  prompts: ['token-rewards'],
  prompt_index: ['trace-comparison'],
  severity: ['trace-comparison'],
  variant_index: ['trace-comparison'],
  transform: ['trace-comparison'],
} as const satisfies Partial<Record<keyof PlotItem, readonly string[]>>;

function itemFaults(item: PlotItem): { readonly key?: string; readonly message: string }[] {
  const kind = item.table ?? item.figure;
  if (kind === undefined || (item.table !== undefined && item.figure !== undefined)) {
    return [{ message: 'expected either table or figure.' }];
  }
  const possible: readonly string[] = item.table === undefined ? FIGURE_FORMATS : TABLE_FORMATS;
  const formats = (item.formats ?? []).filter((format) => !possible.includes(format));
  return [
    ...Object.entries(KINDS_OF_OPTION)
      .filter(
        ([key, kinds]) => item[key as keyof PlotItem] !== undefined && !(kinds as readonly string[]).includes(kind),
      )
      .map(([key, kinds]) => ({ key, message: `${kind} has no such option, only ${kinds.join(' and ')}.` })),
    ...formats.map((format) => ({
      key: 'formats',
      message: `a ${item.table === undefined ? 'figure' : 'table'} is written as ${possible.join(', ')}, not as ${format}.`,
    })),
  ];
}

function issueFaults(
  issue: z.core.$ZodIssue,
  root: unknown,
  place: (path: readonly PropertyKey[]) => string,
): ConfigFault[] {
  const path = issue.path;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const meant = nearest(key, keysAt(path));
      const hint = meant === undefined ? `it may be ${keysAt(path).join(', ')}.` : `Did you mean ${meant}?`;
      return { place: place([...path, key]), key: dotted([...path, key]), message: `unknown key. ${hint}` };
    });
  }
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String);
    const input = valueAt(root, path);
    const got = input === undefined ? undefined : String(input);
    const meant = got === undefined ? undefined : nearest(got, values);
    const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
    return [
      {
        place: place(path),
        key: dotted(path),
        message: `expected one of ${values.join(', ')}${got === undefined ? '' : `, got ${got}`}.${hint}`,
      },
    ];
  }
  return [{ place: place(path), key: dotted(path), message: issue.message }];
}

function keysAt([first]: readonly PropertyKey[]): string[] {
  if (first === 'runs') return Object.keys(runSchema.shape);
  if (first === 'make') return Object.keys(itemSchema.shape);
  if (first === 'statistics') return Object.keys(statisticsSchema.shape);
  return Object.keys(specSchema.shape);
}

function dotted(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}
