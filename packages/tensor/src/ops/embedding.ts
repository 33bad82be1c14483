import { ToolError } from '../errors.ts';
import { planGather, planScatterAdd } from '../kernels/embedding.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchPlan } from './launch-plan.ts';
import { indexArray, normalArray, refArray } from './reference.ts';

export const embeddingOp: OpDef<undefined> = {
  name: 'embedding',
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
    { name: 'more tokens than rows', inputs: [normalArray(101, [4, 6]), indexArray(102, [11], 4)], attrs: undefined },
    { name: 'more rows than tokens', inputs: [normalArray(103, [50, 5]), indexArray(104, [7], 8)], attrs: undefined },
    { name: 'no tokens', inputs: [normalArray(105, [4, 6]), indexArray(106, [0], 4)], attrs: undefined },
  ],
  errors: () => [
    {
      name: 'ids of another type',
      inputs: [
        { shape: [4, 2], dtype: 'f32' },
        { shape: [3], dtype: 'f32' },
      ],
      attrs: undefined,
      code: 'shape',
    },
  ],
};

/** Rows of a table [V, D] by ids u32 [N]: [N, D]. */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  return applyOp(embeddingOp, [table, ids], undefined)[0]!;
}

/** dTable[ids[n]] += dy[n], in place and in a fixed order. dy [N, D], dTable [V, D]. Not seen by autograd. */
export function scatterAddInto(dTable: Tensor, dy: Tensor, ids: Tensor): void {
  if (dy.size === 0) return;
  launchPlan(planScatterAdd(dTable.shape[0]!, ids.size, dTable.shape[1]!), [dy, ids], [dTable]);
}
