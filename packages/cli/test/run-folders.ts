import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface WrittenRun {
  readonly config?: object;
  readonly metrics?: readonly object[];
  readonly samples?: readonly object[];
  readonly starts?: readonly object[];
}

/** Writes the files of a run as a finished process leaves them. */
export function writeRun(path: string, { config = {}, metrics = [], samples = [], starts = [] }: WrittenRun): void {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'config.lock.json'), JSON.stringify(config));
  writeFileSync(join(path, 'env.json'), JSON.stringify({ schema: 2, starts }));
  writeLines(join(path, 'metrics.jsonl'), metrics);
  writeLines(join(path, 'samples.jsonl'), samples);
}

export function writeLines(path: string, rows: readonly object[]): void {
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}
