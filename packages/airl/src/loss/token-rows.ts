import { type PackedBatch, packSequences } from '@dawngrad/models';
import { type Device, Tensor, ToolError } from '@dawngrad/tensor';

/** A prompt with a completion, as losses see it; records are such. */
export interface TokenTrace {
  /** At least one token: the first completion token is predicted from the last of these. */
  readonly promptIds: Uint32Array;
  readonly completionIds: Uint32Array;
  /** 1 at each token that the environment wrote; absent where it writes none. */
  readonly forced?: Uint8Array;
}

/** Number of completion tokens that are the policy's own. */
export function trainedTokens({ completionIds, forced }: TokenTrace): number {
  return completionIds.length - (forced?.reduce((total, one) => total + one, 0) ?? 0);
}

/** Tokens of prompt and completion together. */
export function traceLength({ promptIds, completionIds }: TokenTrace): number {
  return promptIds.length + completionIds.length;
}

/** Prompt and completion of each trace laid end to end; the tensors belong to the open scope. */
export function packTraces(device: Device, traces: readonly TokenTrace[]): PackedBatch {
  return packSequences(
    device,
    traces.map(({ promptIds, completionIds }) => {
      if (promptIds.length === 0) {
        throw new ToolError('shape', { op: 'packTraces', expected: 'a prompt of at least one token', got: 'none' });
      }
      const ids = new Uint32Array(promptIds.length + completionIds.length);
      ids.set(promptIds);
      ids.set(completionIds, promptIds.length);
      return ids;
    }),
  );
}

/** Where in a packed batch a completion token is looked up: where it stands, or where it is predicted from. */
type RowOf = 'own' | 'predicting';

/** The row of the first completion token of each trace. */
export function firstRows(batch: PackedBatch, traces: readonly TokenTrace[], rowOf: RowOf): number[] {
  const shift = rowOf === 'own' ? 0 : -1;
  return traces.map(({ promptIds }, i) => batch.starts[i]! + promptIds.length + shift);
}

/**
 * One number a row, [N]: the values of each trace's completion tokens at the rows that predict them, 0 at
 * all other rows (prompts, and the last row of each sequence).
 */
export function predictingRows(
  batch: PackedBatch,
  traces: readonly TokenTrace[],
  valuesOf: (trace: number) => ArrayLike<number>,
): Tensor {
  const rows = new Float32Array(batch.rows);
  firstRows(batch, traces, 'predicting').forEach((row, i) => {
    rows.set(valuesOf(i), row);
  });
  return Tensor.from(batch.device, rows, [batch.rows], 'f32', 'airl/loss/rows');
}

/** The trace of each row of a packed batch, u32 [N], which sums over traces are taken by. */
export function traceRows(batch: PackedBatch): Tensor {
  const ids = new Uint32Array(batch.rows);
  batch.starts.forEach((start, i) => {
    ids.fill(i, start, start + batch.lengths[i]!);
  });
  return Tensor.from(batch.device, ids, [batch.rows], 'u32', 'airl/loss/trace-rows');
}

/** The entries of one trace's completion tokens in values by row. */
export function completionValues(values: Float32Array, firstRow: number, { completionIds }: TokenTrace): Float32Array {
  return values.slice(firstRow, firstRow + completionIds.length);
}
