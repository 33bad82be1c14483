import type { TraceRecord } from './record.ts';

/** The fields of a record that are typed arrays, by kind. */
const ID_FIELDS = ['promptIds', 'completionIds', 'marks'] as const;
const SCORE_FIELDS = ['logp', 'refLogp', 'critic', 'advantage'] as const;

/** A record as plain JSON: typed arrays become lists of numbers. Scores are finite (I6), so nothing is lost. */
export type RecordJson = { readonly [key: string]: unknown };

export function recordToJson(record: TraceRecord): RecordJson {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [
      key,
      ArrayBuffer.isView(value) ? Array.from(value as Uint8Array) : value,
    ]),
  );
}

/** The record that `recordToJson` wrote. The file around it is checked by its checksum, not here. */
export function recordFromJson(json: RecordJson): TraceRecord {
  const record: Record<string, unknown> = { ...json };
  for (const field of ID_FIELDS) record[field] = Uint32Array.from(json[field] as number[]);
  record.forced = Uint8Array.from(json.forced as number[]);
  for (const field of SCORE_FIELDS) {
    if (json[field] !== undefined) record[field] = Float32Array.from(json[field] as number[]);
  }
  return record as unknown as TraceRecord;
}
