import { crc32c } from './crc32c.ts';

/** Length (8 bytes) and its checksum before the data, the data's checksum after it. */
const HEAD = 12;
const TAIL = 4;

/** Data framed as a TFRecord: u64 length, masked CRC-32C of it, data, masked CRC-32C of that; little-endian. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEAD + data.length + TAIL);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(record.subarray(0, 8))), true);
  record.set(data, HEAD);
  view.setUint32(HEAD + data.length, masked(crc32c(data)), true);
  return record;
}

/** The records of a file, framed as they are, up to the first that is not whole. */
export function readTfRecords(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at + HEAD + TAIL <= file.length; ) {
    const length = Number(view.getBigUint64(at, true));
    const end = at + HEAD + length + TAIL;
    if (masked(crc32c(file.subarray(at, at + 8))) !== view.getUint32(at + 8, true) || end > file.length) break;
    if (masked(crc32c(file.subarray(at + HEAD, end - TAIL))) !== view.getUint32(end - TAIL, true)) break;
    records.push(file.subarray(at, end));
    at = end;
  }
  return records;
}

/** Checksums of data that holds checksums are masked (tensorflow/core/lib/hash/crc32c.h). */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
