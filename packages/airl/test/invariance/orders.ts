import type { TraceRecord } from '../../src/record.ts';

/** The same records with their groups in another order, and shuffled among one another. */
export function regrouped(
  records: readonly TraceRecord[],
  groups: readonly number[],
): { readonly records: TraceRecord[]; readonly groups: number[] } {
  // 5 has no factor in common with the numbers of records that tests use, so that each comes once.
  const order = records.map((_, i) => (5 * i + 3) % records.length);
  if (new Set(order).size !== records.length) throw new Error(`${records.length} records: a multiple of 5`);
  return { records: order.map((i) => ({ ...records[i]! })), groups: order.map((i) => 10 - groups[i]!) };
}

/** Traces of other lengths without a token to learn: what padding would be, on either side. */
export function padded(records: readonly TraceRecord[]): TraceRecord[] {
  return [1, 9].map((length, i) => ({
    ...records[0]!,
    id: `padding-${i}`,
    completionIds: new Uint32Array(length).fill(7),
    forced: new Uint8Array(length).fill(1),
    logp: new Float32Array(length).fill(-20),
    advantage: new Float32Array(length).fill(100),
    marks: new Uint32Array(0),
    segments: [],
  }));
}
