import { kindOf, type OtherName, type Registration, Registry } from '../registry.ts';
import { CHECKERS } from '../verify/checkers.ts';
import { aimeTest, aimeTrain } from './aime.ts';
import { countdown } from './countdown.ts';
import type { Dataset } from './dataset.ts';
import { gsm8k, gsm8kDistilled } from './gsm8k.ts';
import { genericRows } from './jsonl-examples.ts';
import { medical, mmluPro, scienceQa } from './multiple-choice.ts';

/**
 * The data sets of this package by name (`data.format`); a `_kd` set has experts' traces (r-airl.md, section 6). The kind
 * of file (JSONL, JSON, parquet, Arrow) is the file's own matter. To add one: a file, and a line here.
 */
export const DATASETS = {
  gsm8k,
  gsm8k_kd: gsm8kDistilled,
  medical,
  medical_kd: medical,
  mmlu: mmluPro,
  mmlu_kd: mmluPro,
  science: scienceQa,
  science_kd: scienceQa,
  aime_train: aimeTrain,
  aime_train_kd: aimeTrain,
  aime_2024: aimeTest,
  aime_2025: aimeTest,
  countdown,
  countdown_kd: countdown,
  jsonl: genericRows,
} as const satisfies Record<string, Dataset>;

export type DatasetName = keyof typeof DATASETS | OtherName;

/** All data sets: these, and those that were registered. */
export const datasets = new Registry<keyof typeof DATASETS, Dataset>(DATASETS, {
  noun: 'data set',
  key: 'data.format',
  faultOf: datasetFault,
});

/**
 * Makes a kind of rows known under a name, for `data.format` and for `loadExamples`; of a name that ends in `_kd`, rows
 * must have an expert. Disposing of the result takes it back. Throws ToolError 'config' for a name that is taken.
 */
export function registerDataset(name: string, dataset: Dataset): Registration {
  return datasets.register(name, dataset);
}

function datasetFault(given: unknown): { readonly expected: string; readonly got: string } | undefined {
  if (typeof given !== 'object' || given === null) {
    return { expected: 'an object {fields, checker, toExample}', got: kindOf(given) };
  }
  const { fields, checker, toExample, system } = given as Partial<Dataset>;
  if (typeof fields !== 'string') return { expected: 'a text "fields" that says what a row has', got: kindOf(fields) };
  if (typeof checker !== 'string' || !Object.hasOwn(CHECKERS, checker)) {
    return { expected: `checker ${Object.keys(CHECKERS).join(' or ')}`, got: JSON.stringify(checker) ?? 'nothing' };
  }
  if (system !== undefined && typeof system !== 'string') return { expected: 'a text "system"', got: kindOf(system) };
  return typeof toExample === 'function' ? undefined : { expected: 'a function "toExample"', got: kindOf(toExample) };
}
