import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { describeFsError } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';

const CHUNK_BYTES = 1 << 16;
const MAX_LINE_BYTES = 4 * 1024 * 1024;

/**
 * The lines of a UTF-8 text file, one at a time, without their line ends; a carriage return before the
 * newline is dropped. Lines over 4 MiB and bytes that are not UTF-8 are errors with file and line.
 *
 * @throws ToolError `config` for a missing path or a directory, `corrupt` for the content
 */
export function* readLines(path: string): Generator<string> {
  const file = open(path);
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let line = 0;
    let parts: Buffer[] = [];
    let held = 0;
    for (;;) {
      const bytes = readSync(file, chunk, 0, CHUNK_BYTES, null);
      if (bytes === 0) break;
      let from = 0;
      while (from < bytes) {
        const newline = chunk.subarray(0, bytes).indexOf(10, from);
        const to = newline < 0 ? bytes : newline;
        parts.push(Buffer.from(chunk.subarray(from, to)));
        held += to - from;
        if (held > MAX_LINE_BYTES) {
          throw fault(path, line + 1, `a line of at most ${MAX_LINE_BYTES} bytes`, `more than ${MAX_LINE_BYTES}`);
        }
        from = to + 1;
        if (newline < 0) continue;
        line++;
        yield decode(parts, path, line);
        parts = [];
        held = 0;
      }
    }
    if (held > 0) yield decode(parts, path, line + 1);
  } finally {
    closeSync(file);
  }
}

function open(path: string): number {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new ToolError('config', {
      op: path,
      expected: 'a readable file',
      got: describeFsError(cause),
      cause,
    });
  }
  if (!fstatSync(file).isFile()) {
    closeSync(file);
    throw new ToolError('config', { op: path, expected: 'a file', got: 'a directory or a device' });
  }
  return file;
}

function decode(parts: readonly Buffer[], path: string, line: number): string {
  const bytes = Buffer.concat(parts);
  try {
    // `ignoreBOM` keeps the mark: the parser passes over it, and only at the start of the file.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  } catch (cause) {
    throw fault(path, line, 'UTF-8 text', 'bytes that are not UTF-8', cause);
  }
}

function fault(path: string, line: number, expected: string, got: string, cause?: unknown): ToolError {
  return new ToolError('corrupt', { op: `${path}:${line}`, expected, got, cause });
}
