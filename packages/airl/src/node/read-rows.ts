import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { type RowOrFault, rowError } from '../data/data-row.ts';
import { parseJsonList, parseJsonl } from '../data/parse-jsonl.ts';
import { readLines } from './read-lines.ts';

/** A JSON list is read as a whole; larger data belongs into one of the formats that are streamed. */
const MAX_JSON_BYTES = 256 * 1024 * 1024;

type RowSource = (path: string) => Iterable<RowOrFault> | AsyncIterable<RowOrFault>;

/** The kinds of files by their endings; `.json` is a list of rows or, like most such files, JSONL. */
const SOURCES: Readonly<Record<string, RowSource>> = {
  '.jsonl': jsonlRows,
  '.ndjson': jsonlRows,
  '.json': (path) => (firstByte(path) === '[' ? jsonListRows(path) : jsonlRows(path)),
  '.parquet': readParquet,
  '.arrow': readArrow,
  '.feather': readArrow,
};

export const DATA_FILE_ENDINGS = Object.keys(SOURCES);

/**
 * The rows of a file, read as they are asked for: JSONL line by line, parquet by row group, Arrow by
 * record batch, a JSON list (up to 256 MiB) as a whole. Files of other endings are read as JSONL.
 *
 * @throws ToolError `config` for a missing file, `corrupt` for a damaged one
 */
export function readRows(path: string): Iterable<RowOrFault> | AsyncIterable<RowOrFault> {
  return (SOURCES[extname(path).toLowerCase()] ?? jsonlRows)(path);
}

function jsonlRows(path: string): Iterable<RowOrFault> {
  return parseJsonl(readLines(path), path);
}

function jsonListRows(path: string): RowOrFault[] {
  const { size } = statSync(path);
  if (size > MAX_JSON_BYTES) {
    throw new ToolError('limit', {
      op: path,
      expected: `a JSON list of at most ${MAX_JSON_BYTES} bytes`,
      got: String(size),
      hint: 'Write one object a line (JSONL): such files are streamed.',
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)));
  } catch (cause) {
    const place = { file: path, number: 1 };
    const reason = cause instanceof Error ? cause.message : String(cause);
    return [{ ...place, fault: rowError(place, 'a JSON list of rows', `malformed JSON (${reason})`, cause) }];
  }
  return parseJsonList(value, path);
}

async function* readParquet(path: string): AsyncGenerator<RowOrFault> {
  checkFile(path);
  // Both libraries are loaded only where a file needs them.
  const [{ asyncBufferFromFile }, { parquetRows }] = await Promise.all([
    import('hyparquet'),
    import('../data/parquet-rows.ts'),
  ]);
  yield* parquetRows(await asyncBufferFromFile(path), path);
}

async function* readArrow(path: string): AsyncGenerator<RowOrFault> {
  checkFile(path);
  const { arrowRows } = await import('../data/arrow-rows.ts');
  yield* arrowRows(createReadStream(path), path);
}

/** The first byte that is no white space and no byte-order mark. */
function firstByte(path: string): string {
  checkFile(path);
  const head = Buffer.alloc(256);
  const file = openSync(path, 'r');
  try {
    const length = readSync(file, head, 0, head.length, 0);
    return head.toString('latin1', 0, length).replace(/^ï»¿/, '').trimStart().slice(0, 1);
  } finally {
    closeSync(file);
  }
}

function checkFile(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile()) return;
  throw new ToolError('config', {
    op: path,
    expected: 'a readable file',
    got: stats === undefined ? 'no such file' : 'a directory or a device',
  });
}
