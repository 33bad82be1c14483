import { ToolError } from '../errors.ts';
import type { Device } from '../gpu/device.ts';
import { planGather, planGroupedScatterAdd, planScatterAdd } from '../kernels/embedding.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchPlan } from './launch-plan.ts';
import { indexArray, normalArray, refArray } from './reference.ts';

/** Tokens grouped by id, made where the ids are known on the host: see `groupTokens`. */
export interface TokenGroups {
  /** The distinct ids, ascending. u32 [U]. */
  readonly distinct: Tensor;
  /** Where each id's tokens begin in `order`. u32 [U + 1]. */
  readonly offsets: Tensor;
  /** Token rows, by id and then by row. u32 [N]. */
  readonly order: Tensor;
}

/** Groups ids for the gradient of `embedding`. The tensors belong to the open scope. */
export function groupTokens(device: Device, ids: Uint32Array): TokenGroups {
  const order = Uint32Array.from({ length: ids.length }, (_, n) => n).sort((a, b) => ids[a]! - ids[b]! || a - b);
  const distinct: number[] = [];
  const offsets: number[] = [];
  order.forEach((row, n) => {
    if (n === 0 || ids[row] !== distinct[distinct.length - 1]) {
      distinct.push(ids[row]!);
      offsets.push(n);
    }
  });
  offsets.push(ids.length);
  const upload = (data: readonly number[] | Uint32Array<ArrayBuffer>, name: string): Tensor =>
    Tensor.from(device, data, [data.length], 'u32', `tensor/embedding/${name}`);
  return { distinct: upload(distinct, 'distinct'), offsets: upload(offsets, 'offsets'), order: upload(order, 'order') };
}

export interface EmbeddingAttrs {
  /** Makes the gradient cost N additions a column instead of a search. */
  readonly groups?: TokenGroups;
}

export const embeddingOp: OpDef<EmbeddingAttrs> = {
  name: 'embedding',
  integerInputs: [1],
  doc: 'y[n] = table[ids[n]]: rows of a table [V, D] by id; ids are checked on the host, the device clamps',
  infer: ([table, ids]) => {
    if (table!.shape.length !== 2 || ids!.shape.length !== 1 || ids!.dtype !== 'u32') {
      throw new ToolError('shape', {
        op: 'embedding',
        expected: 'a table [V, D] and ids u32 [N]',
        got: `${formatShape(table!.shape)} and ${ids!.dtype} ${formatShape(ids!.shape)}`,
      });
    }
    return [{ shape: [ids!.shape[0]!, table!.shape[1]!], dtype: 'f32' }];
  },
  run: ([table, ids], [out]) => {
    const y = Tensor.empty(table!.device, out!.shape, 'f32', 'tensor/embedding');
    if (y.size === 0) return [y];
    launchPlan(planGather(out!.shape[0]!, out!.shape[1]!), [table!, ids!], [y]);
    return [y];
  },
  reference: ([table, ids]) => {
    const width = table!.shape[1]!;
    const data: number[] = [];
    for (const id of ids!.data) data.push(...table!.data.subarray(id * width, (id + 1) * width));
    return [refArray([ids!.data.length, width], data)];
  },
  samples: () => [
    { name: 'more tokens than rows', inputs: [normalArray(101, [4, 6]), indexArray(102, [11], 4)], attrs: {} },
    { name: 'more rows than tokens', inputs: [normalArray(103, [50, 5]), indexArray(104, [7], 8)], attrs: {} },
    { name: 'no tokens', inputs: [normalArray(105, [4, 6]), indexArray(106, [0], 4)], attrs: {} },
  ],
  errors: () => [
    {
      name: 'ids of another type',
      inputs: [
        { shape: [4, 2], dtype: 'f32' },
        { shape: [3], dtype: 'f32' },
      ],
      attrs: {},
      code: 'shape',
    },
  ],
};

/** Rows of a table [V, D] by ids u32 [N]: [N, D]. */
export function embedding(table: Tensor, ids: Tensor, attrs: EmbeddingAttrs = {}): Tensor {
  return applyOp(embeddingOp, [table, ids], attrs)[0]!;
}

/** dTable[ids[n]] += dy[n], in place and in a fixed order. dy [N, D], dTable [V, D]. Not seen by autograd. */
export function scatterAddInto(dTable: Tensor, dy: Tensor, ids: Tensor, groups?: TokenGroups): void {
  if (dy.size === 0) return;
  const width = dTable.shape[1]!;
  if (groups !== undefined) {
    launchPlan(
      planGroupedScatterAdd(groups.distinct.size, width),
      [dy, groups.distinct, groups.offsets, groups.order],
      [dTable],
    );
  } else {
    launchPlan(planScatterAdd(dTable.shape[0]!, ids.size, width), [dy, ids], [dTable]);
  }
}
