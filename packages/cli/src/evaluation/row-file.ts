import { existsSync, readFileSync } from 'node:fs';
import { type EvalRow, formatRow, readRows } from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';
import { LineFile } from '../run/line-file.ts';

/** A prompt of an evaluation, and how many rows it has. */
export interface PlannedPrompt {
  readonly id: string;
  readonly samples: number;
}

/**
 * The rows of an evaluation on disk, whole prompts one after the other: the cache of what is done. What a stopped
 * process left of a batch is dropped when the file is opened again, so that the same prompts are computed together as
 * in a run that was not stopped, and the bytes are the same.
 */
export class RowFile {
  readonly #file: LineFile;
  readonly #rows: EvalRow[];
  readonly #prompts: number;

  private constructor(file: LineFile, rows: EvalRow[], prompts: number) {
    this.#file = file;
    this.#rows = rows;
    this.#prompts = prompts;
  }

  /** Opens the file, or makes it. Throws ToolError 'corrupt' where its rows are not those of the prompts in order. */
  static async open(path: string, prompts: readonly PlannedPrompt[], promptsAtOnce: number): Promise<RowFile> {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    // Without its newline a last line was cut short.
    const lines = text.split('\n').slice(0, -1);
    const { rows: count, prompts: held } = wholeBatches(lines.length, prompts, promptsAtOnce);
    const whole = lines.slice(0, count);
    const rows = whole.length === 0 ? [] : await readRows(whole, path);
    const places = prompts
      .slice(0, held)
      .flatMap(({ id, samples }) => Array.from({ length: samples }, (_, i) => [id, i]));
    rows.forEach(({ prompt_id, generation_idx }, i) => {
      const [id, index] = places[i] ?? [];
      if (prompt_id === id && generation_idx === index) return;
      throw new ToolError('corrupt', {
        op: `${path}:${i + 1}`,
        expected: id === undefined ? 'no further row' : `sample ${index} of prompt ${id}`,
        got: `sample ${generation_idx} of prompt ${prompt_id}`,
        hint: 'evaluate again into a new run.dir.',
      });
    });
    const file = new LineFile(path);
    file.truncate(Buffer.byteLength(whole.map((line) => `${line}\n`).join('')));
    return new RowFile(file, rows, held);
  }

  get rows(): readonly EvalRow[] {
    return this.#rows;
  }

  /** Prompts that were done when the file was opened. */
  get prompts(): number {
    return this.#prompts;
  }

  append(rows: readonly EvalRow[]): void {
    for (const row of rows) this.#file.appendLine(formatRow(row));
    this.#file.sync();
    this.#rows.push(...rows);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** How much of so many lines are batches of whole prompts. More lines than there can be are kept, to be refused. */
function wholeBatches(
  lines: number,
  prompts: readonly PlannedPrompt[],
  promptsAtOnce: number,
): { rows: number; prompts: number } {
  let rows = 0;
  for (let first = 0; first < prompts.length; first += promptsAtOnce) {
    const batch = prompts.slice(first, first + promptsAtOnce).reduce((sum, { samples }) => sum + samples, 0);
    if (rows + batch > lines) return { rows, prompts: first };
    rows += batch;
  }
  return { rows: lines, prompts: prompts.length };
}
