import { ToolError } from '@dawngrad/tensor';
import { decodeUtf8 } from './byte-source.ts';
import { describeJson, isJsonObject, type JsonObject, parseStrictJsonObject } from './strict-json.ts';

/** Header cap of the reference implementation, huggingface/safetensors 24b0b28 (MAX_HEADER_SIZE). */
const HEADER_CAP_BYTES = 100_000_000;

/** More than ten times the tensors of the largest published shard. */
const MAX_TENSORS = 200_000;
const MAX_RANK = 16;

/** Element types of the format whose elements are whole bytes, with their sizes. */
const ELEMENT_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

export type SafetensorsDType = keyof typeof ELEMENT_BYTES;

/** Where one tensor lies. `begin` and `end` are byte offsets in the file, not in its data section. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order in which the data lie in the file. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

export function elementBytes(dtype: SafetensorsDType): number {
  return ELEMENT_BYTES[dtype];
}

/** Length of the JSON header from the first 8 bytes, checked against the size of the file and the cap. */
export function headerLength(file: string, first8: Uint8Array, fileSize: number): number {
  const length = new DataView(first8.buffer, first8.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(HEADER_CAP_BYTES)) {
    throw corrupt(file, `a header of at most ${HEADER_CAP_BYTES} bytes`, `a header length of ${length}`);
  }
  if (length > BigInt(fileSize - 8)) {
    throw corrupt(file, `a header within the file's ${fileSize} bytes`, `a header length of ${length}`);
  }
  if (length < 2n) throw corrupt(file, 'a JSON header', `a header length of ${length}`);
  return Number(length);
}

/**
 * Parses and checks a whole header: every span lies where its dtype and shape say, spans follow one another without
 * holes or overlaps (an overlap is a memory bomb), and the file ends where the last one does.
 * Throws ToolError 'corrupt' naming `file`.
 */
export function parseHeader(file: string, headerBytes: Uint8Array, fileSize: number): SafetensorsHeader {
  if (headerBytes[0] !== 0x7b) throw corrupt(file, 'a header that starts with {', `byte ${headerBytes[0] ?? 'none'}`);
  const text = decodeUtf8(file, headerBytes);
  const json = parseStrictJsonObject(file, text, { maxDepth: 3, maxKeys: MAX_TENSORS + 1, integersOnly: true });
  const dataBegin = 8 + headerBytes.byteLength;
  const entries: TensorEntry[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of Object.entries(json)) {
    if (/\p{Surrogate}/u.test(name)) throw corrupt(file, 'well-formed names', describeJson(name));
    if (name === '__metadata__') metadata = parseMetadata(file, value);
    else entries.push(parseEntry(file, name, value, dataBegin));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let reached = dataBegin;
  for (const entry of entries) {
    if (entry.begin !== reached) {
      const kind = entry.begin > reached ? 'a hole' : 'an overlap';
      const offset = `${entry.begin - dataBegin}`;
      throw corrupt(file, `data offset ${reached - dataBegin} for ${describeJson(entry.name)}`, `${offset}: ${kind}`);
    }
    reached = entry.end;
  }
  if (reached !== fileSize) {
    const hint =
      reached > fileSize ? 'The file is truncated: fetch it again.' : 'There are bytes after the last tensor.';
    throw corrupt(file, `${reached} bytes`, `a file of ${fileSize} bytes`, hint);
  }
  return { tensors: new Map(entries.map((entry) => [entry.name, entry])), metadata };
}

function parseMetadata(file: string, value: unknown): ReadonlyMap<string, string> {
  if (!isJsonObject(value)) throw corrupt(file, 'an object of strings in __metadata__', describeJson(value));
  const metadata = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw corrupt(file, `a string in __metadata__.${key}`, describeJson(text));
    metadata.set(key, text);
  }
  return metadata;
}

function parseEntry(file: string, name: string, value: unknown, dataBegin: number): TensorEntry {
  const label = describeJson(name);
  if (!isJsonObject(value)) throw corrupt(file, `an object for ${label}`, describeJson(value));
  const dtype = parseDType(file, label, own(value, 'dtype'));
  const shape = parseIntegers(file, `${label} shape`, own(value, 'shape'));
  if (shape.length > MAX_RANK) throw corrupt(file, `${label} of rank at most ${MAX_RANK}`, `rank ${shape.length}`);
  const offsets = parseIntegers(file, `${label} data_offsets`, own(value, 'data_offsets'));
  const [begin, end] = offsets;
  if (offsets.length !== 2 || begin === undefined || end === undefined) {
    throw corrupt(file, `two data_offsets for ${label}`, `${offsets.length}`);
  }
  let bytes: number = ELEMENT_BYTES[dtype];
  for (const dim of shape) {
    bytes *= dim;
    // Also when a later 0 would bring the product back to 0: the reference multiplies with overflow checks.
    if (!Number.isSafeInteger(bytes)) throw corrupt(file, `${label} to have fewer than 2^53 bytes`, `[${shape}]`);
  }
  if (end < begin) throw corrupt(file, `data_offsets of ${label} in order`, `[${begin}, ${end}]`);
  if (end - begin !== bytes) {
    throw corrupt(file, `${bytes} bytes for ${label} ${dtype} [${shape}]`, `a span of ${end - begin}`);
  }
  if (!Number.isSafeInteger(dataBegin + end)) throw corrupt(file, `${label} within 2^53 bytes`, `${end}`);
  return { name, dtype, shape, begin: dataBegin + begin, end: dataBegin + end };
}

function parseDType(file: string, label: string, value: unknown): SafetensorsDType {
  if (typeof value === 'string' && Object.hasOwn(ELEMENT_BYTES, value)) return value as SafetensorsDType;
  throw corrupt(file, `a dtype of ${label} among ${Object.keys(ELEMENT_BYTES).join(', ')}`, describeJson(value));
}

function parseIntegers(file: string, label: string, value: unknown): readonly number[] {
  if (!Array.isArray(value)) throw corrupt(file, `an array of integers for ${label}`, describeJson(value));
  for (const item of value as unknown[]) {
    if (typeof item !== 'number' || !Number.isSafeInteger(item)) {
      throw corrupt(file, `integers below 2^53 for ${label}`, describeJson(item));
    }
  }
  return value as number[];
}

/** A property of the object itself: a key such as `constructor` must not reach the prototype. */
function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function corrupt(file: string, expected: string, got: string, hint?: string): ToolError {
  return new ToolError('corrupt', { op: file, expected, got, ...(hint === undefined ? {} : { hint }) });
}
