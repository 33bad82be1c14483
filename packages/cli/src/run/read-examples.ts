import { DATASETS, type DatasetName, type Example } from '@dawngrad/airl';
import { readLines } from '@dawngrad/airl/node';

export interface ExamplesConfig {
  readonly format: DatasetName;
  /** A file; `resolveConfig` asks for it. */
  readonly path: string | null;
  readonly max_rows: number | null;
}

/** The rows of `data.path`. Throws ToolError 'config' or 'corrupt' with file and line. */
export function readExamples({ format, path, max_rows }: ExamplesConfig): Example[] {
  const file = path as string;
  const lines = readLines(file);
  return DATASETS[format](max_rows === null ? lines : firstRows(lines, max_rows), file);
}

/** The lines up to the row number `count`; blank lines are no rows. */
function* firstRows(lines: Iterable<string>, count: number): Generator<string> {
  let rows = 0;
  for (const line of lines) {
    yield line;
    if (line.trim() !== '' && ++rows === count) return;
  }
}
