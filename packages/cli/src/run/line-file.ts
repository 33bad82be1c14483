import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { ToolError } from '@dawngrad/tensor';

/** A file of JSON lines that only grows, except that a resumed run goes back to a recorded size. */
export class LineFile {
  readonly path: string;
  readonly #file: number;
  #bytes: number;

  /** Opens the file for appending and makes it where there is none. */
  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, 'a');
    this.#bytes = fstatSync(this.#file).size;
  }

  /** Size in bytes: everything appended so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Writes one object as one line. Numbers must be finite, since JSON has no others. */
  append(row: object): void {
    this.appendLine(JSON.stringify(row, finite));
  }

  /** Writes a line that is JSON already, without its newline. */
  appendLine(json: string): void {
    const line = Buffer.from(`${json}\n`);
    for (let written = 0; written < line.length; ) written += writeSync(this.#file, line, written);
    this.#bytes += line.length;
  }

  /** Drops everything after the first `bytes` bytes. Throws ToolError 'corrupt' where there are fewer. */
  truncate(bytes: number): void {
    if (bytes > this.#bytes) {
      throw new ToolError('corrupt', {
        op: this.path,
        expected: `at least the ${bytes} bytes that the checkpoint recorded`,
        got: `${this.#bytes}`,
        hint: 'the file was shortened after the checkpoint; start a new run.',
      });
    }
    ftruncateSync(this.#file, bytes);
    this.#bytes = bytes;
  }

  /** Returns once the file is on the disk. */
  sync(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** JSON.stringify would write null for these, which reads as "not measured". */
function finite(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}
