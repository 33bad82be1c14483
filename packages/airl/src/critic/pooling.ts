import { type Device, indexAdd, indexSelect, multiply, Tensor, zeros } from '@dawngrad/tensor';
import type { TraceRecord } from '../record.ts';

/** What a plain critic's value of a segment is: the logit of its last token, or the mean of those of all its tokens. */
export const CRITIC_POOLINGS = ['last', 'mean'] as const;
export type CriticPooling = (typeof CRITIC_POOLINGS)[number];

/**
 * At the row of each mark the mean of the logits w.h_t + b over the tokens of its segment; 0 at all other rows. [N].
 * A head that reads the mean of many hidden states has far less to memorise a trace by than one that reads a single
 * state, and each token of a segment gets a share of the gradient.
 *
 * @param logits of each row, [N]
 * @param firstRows the row of the first completion token of each record
 */
export function segmentMeans(
  logits: Tensor,
  device: Device,
  records: readonly Pick<TraceRecord, 'segments'>[],
  firstRows: readonly number[],
): Tensor {
  const rows = logits.shape[0]!;
  const segments = records.reduce((total, record) => total + record.segments.length, 0);
  // Slots: one a segment, one for rows of no segment, one that stays 0.
  const into = new Uint32Array(rows).fill(segments);
  const from = new Uint32Array(rows).fill(segments + 1);
  const shares = new Float32Array(rows);
  let slot = 0;
  records.forEach((record, i) => {
    const first = firstRows[i]!;
    for (const { start, end } of record.segments) {
      into.fill(slot, first + start, first + end + 1);
      shares.fill(1 / (end - start + 1), first + start, first + end + 1);
      from[first + end] = slot++;
    }
  });
  const upload = (data: Uint32Array<ArrayBuffer>, name: string): Tensor =>
    Tensor.from(device, data, [rows], 'u32', `airl/critic/${name}`);
  const shared = multiply(logits, Tensor.from(device, shares, [rows], 'f32', 'airl/critic/shares'));
  const sums = indexAdd(zeros(device, [segments + 2]), 0, upload(into, 'segments'), shared);
  return indexSelect(sums, 0, upload(from, 'marks'));
}
