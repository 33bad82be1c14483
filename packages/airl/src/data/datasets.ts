import type { Example } from './example.ts';
import { loadGsm8k } from './gsm8k.ts';
import { loadJsonlExamples } from './jsonl-examples.ts';

/** Reads the examples of a file's lines; `file` is the name for error messages and ids. */
export type ExampleLoader = (lines: Iterable<string>, file: string) => Example[];

/** The data formats by name (`data.format`). To add one: a file, and a line here. */
export const DATASETS = {
  gsm8k: loadGsm8k,
  jsonl: loadJsonlExamples,
} as const satisfies Record<string, ExampleLoader>;

export type DatasetName = keyof typeof DATASETS;
