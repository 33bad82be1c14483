import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { ToolError } from '@dawngrad/tensor';

const MAX_BYTES = 1024 * 1024;

/** The text of a configuration file. Throws ToolError 'config' where it cannot be read or is not text. */
export function readConfigFile(path: string): { path: string; text: string } {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    const reason = code === 'ENOENT' ? 'no such file (ENOENT)' : code;
    throw new ToolError('config', { op: path, expected: 'a readable configuration file', got: reason, cause });
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new ToolError('config', { op: path, expected: 'a file', got: 'a folder or a device' });
    if (status.size > MAX_BYTES) {
      throw new ToolError('config', { op: path, expected: `at most ${MAX_BYTES} bytes`, got: `${status.size}` });
    }
    return { path, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)) };
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new ToolError('config', { op: path, expected: 'UTF-8 text', got: 'bytes that are not UTF-8', cause });
  } finally {
    closeSync(file);
  }
}
