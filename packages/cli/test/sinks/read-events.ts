import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Reads TensorBoard event files; shares no code with the writer. */

/** CRC-32C, a bit at a time. */
export function bitwiseCrc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function unmasked(stored: number): number {
  const rotated = (stored - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

type Field = { readonly number: number; readonly value: number | bigint | Buffer };

/** The fields of a protobuf message, by the wire format alone. */
function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = Number(varint());
    const number = key >> 3;
    if ((key & 7) === 0) fields.push({ number, value: BigInt.asIntN(64, varint()) });
    else if ((key & 7) === 1) {
      fields.push({ number, value: message.readDoubleLE(at) });
      at += 8;
    } else if ((key & 7) === 5) {
      fields.push({ number, value: message.readFloatLE(at) });
      at += 4;
    } else {
      const length = Number(varint());
      fields.push({ number, value: message.subarray(at, at + length) });
      at += length;
    }
  }
  if (at !== message.length) throw new Error('a field goes over the end of its message');
  return fields;
}

export interface ReadEvent {
  readonly wallTime: number;
  readonly step: number;
  readonly version: string | undefined;
  readonly isStart: boolean;
  readonly values: Readonly<Record<string, number>>;
}

function readEvent(message: Buffer): ReadEvent {
  const fields = fieldsOf(message);
  const one = (number: number) => fields.find((field) => field.number === number)?.value;
  const summary = one(5) as Buffer | undefined;
  const values = (summary === undefined ? [] : fieldsOf(summary)).map(({ value }) => {
    const [tag, scalar] = [1, 2].map((number) => fieldsOf(value as Buffer).find((field) => field.number === number));
    return [String(tag?.value), scalar?.value as number] as const;
  });
  const session = one(7) as Buffer | undefined;
  return {
    wallTime: one(1) as number,
    step: Number(one(2) ?? 0),
    version: one(3)?.toString(),
    isStart: session !== undefined && fieldsOf(session).some(({ number, value }) => number === 1 && value === 1n),
    values: Object.fromEntries(values),
  };
}

/** The events of a file. Throws where a frame is cut or a checksum wrong. */
export function readEventFile(path: string): ReadEvent[] {
  const file = readFileSync(path);
  const events: ReadEvent[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    const data = file.subarray(at + 12, at + 12 + length);
    if (data.length < length || at + 16 + length > file.length) throw new Error('a frame is cut');
    if (bitwiseCrc32c(file.subarray(at, at + 8)) !== unmasked(file.readUInt32LE(at + 8))) throw new Error('length');
    if (bitwiseCrc32c(data) !== unmasked(file.readUInt32LE(at + 12 + length))) throw new Error('data');
    events.push(readEvent(data));
    at += 16 + length;
  }
  return events;
}

/** The points of a folder's only event file. */
export function readPoints(folder: string): { step: number; values: Readonly<Record<string, number>> }[] {
  const names = readdirSync(folder);
  if (names.length !== 1) throw new Error(`expected one file, got ${names.join(', ')}`);
  const events = readEventFile(join(folder, names[0]!));
  return events.filter(({ version, isStart }) => version === undefined && !isStart);
}
