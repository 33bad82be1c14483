import { type Device, groupTokens, type Segments, Tensor, type TokenGroups, ToolError } from '@dawngrad/tensor';

/** Sequences laid end to end without padding: one row a token. */
export interface PackedBatch {
  readonly device: Device;
  /** N, all tokens. */
  readonly rows: number;
  /** u32 [N]. */
  readonly ids: Tensor;
  /** The largest id, -1 without tokens: a model refuses what its embedding does not have. */
  readonly largestId: number;
  /** The id that follows each row within its sequence; the last row of a sequence repeats its own. u32 [N]. */
  readonly nextIds: Tensor;
  /** The rows by id, for the gradient of the embedding. */
  readonly groups: TokenGroups;
  /** Position within the sequence, u32 [N]. */
  readonly positions: Tensor;
  readonly segments: Segments;
  /** Tokens of each sequence. */
  readonly lengths: readonly number[];
  /** First row of each sequence. */
  readonly starts: readonly number[];
}

/** Uploads sequences as one packed batch. The tensors belong to the open scope. */
export function packSequences(device: Device, sequences: readonly ArrayLike<number>[]): PackedBatch {
  const rows = sequences.reduce((total, sequence) => total + sequence.length, 0);
  const [ids, nextIds, positions, start, end] = Array.from({ length: 5 }, () => new Uint32Array(rows)) as [
    Uint32Array<ArrayBuffer>,
    Uint32Array<ArrayBuffer>,
    Uint32Array<ArrayBuffer>,
    Uint32Array<ArrayBuffer>,
    Uint32Array<ArrayBuffer>,
  ];
  const starts: number[] = [];
  let row = 0;
  let largestId = -1;
  for (const sequence of sequences) {
    if (sequence.length === 0) {
      throw new ToolError('shape', {
        op: 'pack',
        expected: 'sequences of at least one token',
        got: `an empty one at index ${starts.length}`,
      });
    }
    const first = row;
    starts.push(first);
    for (let i = 0; i < sequence.length; i++, row++) {
      ids[row] = sequence[i]!;
      largestId = Math.max(largestId, ids[row]!);
      nextIds[row] = sequence[Math.min(i + 1, sequence.length - 1)]!;
      positions[row] = i;
      start[row] = first;
      end[row] = first + sequence.length;
    }
  }
  const upload = (data: Uint32Array<ArrayBuffer>, name: string): Tensor =>
    Tensor.from(device, data, [rows], 'u32', `models/batch/${name}`);
  return {
    device,
    rows,
    ids: upload(ids, 'ids'),
    largestId,
    nextIds: upload(nextIds, 'next-ids'),
    groups: groupTokens(device, ids),
    positions: upload(positions, 'positions'),
    segments: { start: upload(start, 'segment-start'), end: upload(end, 'segment-end') },
    lengths: sequences.map((sequence) => sequence.length),
    starts,
  };
}
