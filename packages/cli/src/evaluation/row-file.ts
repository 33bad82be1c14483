import { existsSync, readFileSync } from 'node:fs';
import { type EvalRow, formatRow, readRows } from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';
import { LineFile } from '../run/line-file.ts';

/**
 * The rows of an evaluation on disk, whole prompts one after the other. What a stopped process left of a prompt
 * is dropped when the file is opened again.
 */
export class RowFile {
  readonly #file: LineFile;
  readonly #rows: EvalRow[];

  private constructor(file: LineFile, rows: EvalRow[]) {
    this.#file = file;
    this.#rows = rows;
  }

  /** Opens the file, or makes it. Throws ToolError 'corrupt' where its rows are not those of the prompts in order. */
  static async open(path: string, promptIds: readonly string[], samples: number): Promise<RowFile> {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    // Without its newline a last line was cut short; a prompt counts once all of its samples are there.
    const lines = text.split('\n').slice(0, -1);
    const whole = lines.slice(0, lines.length - (lines.length % samples));
    const rows = whole.length === 0 ? [] : await readRows(whole, path);
    rows.forEach(({ prompt_id, generation_idx }, i) => {
      const expected = promptIds[Math.floor(i / samples)];
      if (prompt_id === expected && generation_idx === i % samples) return;
      throw new ToolError('corrupt', {
        op: `${path}:${i + 1}`,
        expected: expected === undefined ? 'no further row' : `sample ${i % samples} of prompt ${expected}`,
        got: `sample ${generation_idx} of prompt ${prompt_id}`,
        hint: 'evaluate again into a new run.dir.',
      });
    });
    const file = new LineFile(path);
    file.truncate(Buffer.byteLength(whole.map((line) => `${line}\n`).join('')));
    return new RowFile(file, rows);
  }

  get rows(): readonly EvalRow[] {
    return this.#rows;
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
