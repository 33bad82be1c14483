import { randomBytes } from 'node:crypto';
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { LineFile } from '../run/line-file.ts';

/**
 * A file of JSON lines that appears once it is whole: it grows under another name beside its own. What is not
 * finished by `commit` is removed.
 */
export class AtomicLineFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: LineFile;
  #isOpen = true;

  /** Throws ToolError 'io' where the file could not be written, before any work is done for it. */
  constructor(path: string) {
    this.#path = path;
    this.#temporary = join(dirname(path), `.tmp-${basename(path)}-${process.pid}-${randomBytes(4).toString('hex')}`);
    if (existsSync(path) && statSync(path).isDirectory()) {
      throw new ToolError('io', { op: path, expected: 'the path of a file to write', got: 'a directory' });
    }
    try {
      this.#file = new LineFile(this.#temporary);
    } catch (cause) {
      throw new ToolError('io', {
        op: path,
        expected: 'a path that can be written',
        got: (cause as NodeJS.ErrnoException).code ?? 'an error',
        hint: 'check that its folder exists and its permissions.',
        cause,
      });
    }
  }

  append(row: object): void {
    this.#file.append(row);
  }

  /** Gives the file its name. */
  commit(): void {
    this.#file.sync();
    this.#file.close();
    this.#isOpen = false;
    renameSync(this.#temporary, this.#path);
  }

  /** Removes what was not committed. */
  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#file.close();
    rmSync(this.#temporary, { force: true });
  }
}
