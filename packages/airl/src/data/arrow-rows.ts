import { ToolError } from '@dawngrad/tensor';
import { RecordBatchReader } from 'apache-arrow';
import type { DataRow } from './data-row.ts';

/**
 * The rows of Arrow data, in the stream format (as Hugging Face `datasets` saves it) or the file format,
 * one record batch at a time.
 *
 * @param bytes the file's bytes in pieces
 * @throws ToolError `corrupt` for damaged data
 */
export async function* arrowRows(bytes: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<DataRow> {
  const damaged = (cause: unknown): ToolError =>
    new ToolError('corrupt', {
      op: file,
      expected: 'Arrow data',
      got: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  let number = 0;
  let batches: AsyncIterator<{ toArray(): ({ toJSON(): unknown } | null)[] }>;
  try {
    const reader = await RecordBatchReader.from(bytes);
    batches = reader[Symbol.asyncIterator]() as typeof batches;
  } catch (cause) {
    throw damaged(cause);
  }
  for (;;) {
    let rows: unknown[];
    try {
      const { done, value } = await batches.next();
      if (done) break;
      rows = value.toArray().map((row) => plain(row?.toJSON() ?? {}));
    } catch (cause) {
      throw damaged(cause);
    }
    for (const fields of rows) yield { file, number: ++number, fields: fields as Record<string, unknown> };
  }
  if (number === 0) throw damaged('no rows');
}

/** Arrow's vectors and struct rows as plain lists and objects. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map(plain);
  if ('toArray' in value && typeof value.toArray === 'function') return Array.from(value.toArray() as unknown[], plain);
  const fields = 'toJSON' in value && typeof value.toJSON === 'function' ? (value.toJSON() as object) : value;
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, plain(field)]));
}
