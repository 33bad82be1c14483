import { ToolError } from '@dawngrad/tensor';
import { type AsyncBuffer, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { DataRow } from './data-row.ts';

/** The most bytes of rows that are decoded at a time; a row group is one unit of a parquet file. */
const MAX_GROUP_BYTES = 1 << 30;
/** Rows that are made into objects at a time. */
const BATCH_ROWS = 2048;

/**
 * The rows of a parquet file, one row group at a time (snappy, gzip, brotli, zstd, lz4 or plain).
 *
 * @throws ToolError `corrupt` for a damaged file, `limit` for a row group that unpacks to over 1 GiB
 */
export async function* parquetRows(buffer: AsyncBuffer, file: string): AsyncGenerator<DataRow> {
  const damaged = (cause: unknown): ToolError =>
    new ToolError('corrupt', { op: file, expected: 'a parquet file', got: reasonOf(cause), cause });
  const metadata = await parquetMetadataAsync(buffer).catch((cause: unknown) => {
    throw damaged(cause);
  });
  let number = 0;
  for (const [index, group] of metadata.row_groups.entries()) {
    const rows = Number(group.num_rows);
    const bytes = Number(group.total_byte_size);
    if (bytes > MAX_GROUP_BYTES) {
      throw new ToolError('limit', {
        op: `${file}, row group ${index + 1}`,
        expected: `at most ${MAX_GROUP_BYTES} bytes of rows`,
        got: String(bytes),
        hint: 'Write the file again with smaller row groups.',
      });
    }
    if (!Number.isSafeInteger(rows) || rows < 0) throw damaged(`${rows} rows in row group ${index + 1}`);
    const start = number;
    for (let from = start; from < start + rows; from += BATCH_ROWS) {
      const rowEnd = Math.min(start + rows, from + BATCH_ROWS);
      const batch = await parquetReadObjects({ file: buffer, metadata, compressors, rowStart: from, rowEnd }).catch(
        (cause: unknown) => {
          throw damaged(cause);
        },
      );
      for (const fields of batch) yield { file, number: ++number, fields };
      if (batch.length !== rowEnd - from) throw damaged(`${batch.length} rows for ${rowEnd - from}`);
    }
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
