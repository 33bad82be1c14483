import { isFloat } from '../dtype.ts';
import type { Device } from '../gpu/device.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { planGroupedScatterAdd, planSortedScatterAdd } from '../kernels/embedding.wgsl.ts';
import { planGather } from '../kernels/gather.wgsl.ts';
import { planGatherWiden } from '../kernels/gather-widen.wgsl.ts';
import { positionKeys } from '../kernels/sort-keys.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { Tensor } from '../tensor.ts';
import { checkIndices } from './check-indices.ts';
import { fillOf, resolvedIndex } from './gather.ts';
import { type Indices, indexTensor, isIndexType, refuseIndexed } from './index-input.ts';
import { launchPlan } from './launch-plan.ts';
import { narrowArray } from './matrix-blocks.ts';
import { indexArray, normalArray, refArray } from './reference.ts';
import { sortKeys } from './sort-keys.ts';
import { reshape } from './view.ts';

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

/** What is known of the ids beforehand, and what comes out. */
export interface EmbeddingAttrs {
  /** Spares the gradient the sorting of the ids on the device. */
  readonly groups?: TokenGroups;
  /** Rows of a table in f16 or bf16 as f32, in the same launch. Default: as they are stored. */
  readonly to?: 'f32';
}

/** The inputs are the blocks of the table, then the ids. */
export const embeddingOp: OpDef<EmbeddingAttrs> = {
  name: 'embedding',
  integerInputs: [1],
  anyDtype: true,
  tolerance: 'exact',
  doc: 'y[n] = table[ids[n]]: rows of a table [V, D] by id; NaN where the id names no row',
  infer: (inputs, { to }) => {
    const blocks = inputs.slice(0, -1);
    const ids = inputs[inputs.length - 1]!;
    const first = blocks[0];
    const fits =
      first !== undefined &&
      blocks.every(({ shape, dtype }) => shape.length === 2 && shape[1] === first.shape[1] && dtype === first.dtype) &&
      ids.shape.length === 1 &&
      isIndexType(ids.dtype) &&
      (to === undefined || isFloat(first.dtype));
    if (!fits) refuseIndexed('embedding', 'a table [V, D], or row blocks of one dtype and width, and ids [N]', inputs);
    return [{ shape: [ids.shape[0]!, first.shape[1]!], dtype: to ?? first.dtype }];
  },
  run: (inputs, [out]) => {
    const blocks = inputs.slice(0, -1);
    const ids = inputs[inputs.length - 1]!;
    const { device } = ids;
    const rows = blocks.reduce((sum, { shape }) => sum + shape[0]!, 0);
    checkIndices('embedding', ids, rows);
    const y = Tensor.empty(device, out!.shape, out!.dtype, 'tensor/embedding');
    if (y.size === 0) return [y];
    let first = 0;
    for (const table of blocks) {
      const { kernel, params, workgroups } = planRows(table, ids, y, { first, rows: table.shape[0]! }, rows);
      const bindings = [table.wholeBinding(), ids.wholeBinding(), y.binding()];
      // A block without rows has nothing to give, but the first launch fills in what no block has.
      if (table.shape[0]! > 0 || first === 0) device.dispatch(kernel, bindings, params, workgroups, { kind: 'opaque' });
      first += table.shape[0]!;
    }
    return [y];
  },
  reference: (inputs, { to }) => {
    const blocks = inputs.slice(0, -1);
    const width = blocks[0]!.shape[1]!;
    const { dtype } = blocks[0]!;
    const table = blocks.flatMap((block) => Array.from(block.data));
    const rows = blocks.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const data: number[] = [];
    for (const id of inputs[inputs.length - 1]!.data) {
      const row = resolvedIndex(id, rows);
      if (row === undefined) data.push(...new Array<number>(width).fill(fillOf(dtype ?? 'f32', undefined)));
      else data.push(...table.slice(row * width, (row + 1) * width));
    }
    return [refArray([inputs[inputs.length - 1]!.data.length, width], data, to ?? dtype)];
  },
  samples: () => [
    { name: 'more tokens than rows', inputs: [normalArray(101, [4, 6]), indexArray(102, [11], 4)], attrs: {} },
    { name: 'more rows than tokens', inputs: [normalArray(103, [50, 5]), indexArray(104, [7], 8)], attrs: {} },
    { name: 'no tokens', inputs: [normalArray(105, [4, 6]), indexArray(106, [0], 4)], attrs: {} },
    {
      name: 'a table in blocks of rows',
      inputs: [normalArray(107, [4, 5]), normalArray(108, [3, 5]), normalArray(109, [2, 5]), indexArray(110, [20], 9)],
      attrs: {},
      constant: [3],
    },
    ...(['f16', 'bf16'] as const).map((dtype, i) => ({
      name: `a table in ${dtype}, widened`,
      inputs: [narrowArray(111, [6, 5 + 3 * i], dtype), indexArray(112, [9], 7)],
      attrs: { to: 'f32' as const },
    })),
    {
      name: 'a table in blocks of rows, widened',
      inputs: [
        narrowArray(113, [4, 8], 'f16'),
        narrowArray(114, [0, 8], 'f16'),
        narrowArray(115, [3, 8], 'f16'),
        indexArray(116, [20], 7),
      ],
      attrs: { to: 'f32' },
    },
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
    {
      name: 'blocks of other widths',
      inputs: [
        { shape: [4, 2], dtype: 'f32' },
        { shape: [4, 3], dtype: 'f32' },
        { shape: [3], dtype: 'u32' },
      ],
      attrs: {},
      code: 'shape',
    },
  ],
};

/**
 * Rows of a table [V, D] by id: [..., D] for ids [...]. Ids given as numbers are checked; of a tensor, an id that names
 * no row gives NaN and no gradient, and `setDebug({ checkIndices: true })` reports it.
 *
 * @param table one tensor, or the row blocks of a table that is larger than one storage binding.
 * @param ids u32 or i32, negative ones counting from the end; or a list of numbers.
 */
export function embedding(table: Tensor | readonly Tensor[], ids: Indices, attrs: EmbeddingAttrs = {}): Tensor {
  const blocks = table instanceof Tensor ? [table] : table;
  const first = blocks[0];
  if (first === undefined) refuseIndexed('embedding', 'a table or row blocks of one', []);
  const rows = blocks.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const index = indexTensor('embedding', first.device, ids, rows);
  if (index.rank === 1) return applyOp(embeddingOp, [...blocks, index], attrs)[0]!;
  const flat = applyOp(embeddingOp, [...blocks, reshape(index, [index.size])], attrs)[0]!;
  return reshape(flat, [...index.shape, flat.shape[1]!]);
}

/** A gather of the rows that one block of the table has. */
function planRows(
  table: Tensor,
  ids: Tensor,
  y: Tensor,
  block: { readonly first: number; readonly rows: number },
  size: number,
): LaunchPlan {
  const { strides, offset, dtype } = table;
  const isSigned = ids.dtype === 'i32';
  if (y.dtype !== dtype) {
    const [tokens, width] = y.shape as [number, number];
    const index = { stride: ids.strides[0]!, offset: ids.offset, isSigned };
    return planGatherWiden({
      dtype: dtype as 'f16' | 'bf16',
      tokens,
      width,
      table: { strides, offset },
      index,
      size,
      block,
    });
  }
  return planGather({
    dtype: y.dtype,
    shape: y.shape,
    x: { strides: [0, strides[1]!], offset },
    index: { strides: [ids.strides[0]!, 0], offset: ids.offset, isSigned },
    axisStride: strides[0]!,
    size,
    block,
    fill: fillOf(y.dtype, undefined),
  });
}

/**
 * dTable[ids[n]] += dy[n], in place and in a fixed order; an id that names no row is left out. dy [N, D] and dTable
 * [V, D] are f32. Not seen by autograd.
 */
export function scatterAddInto(dTable: Tensor, dy: Tensor, ids: Tensor, groups?: TokenGroups): void {
  scatterAddIntoBlocks([{ first: 0, dTable }], dTable.shape[0]!, dy, ids, groups);
}

/** Some rows of the gradient of a table, from row `first` on. */
export interface TableBlock {
  readonly first: number;
  /** [rows, D] in f32. */
  readonly dTable: Tensor;
}

/** `scatterAddInto` for a table of `rows` rows of which only some blocks are wanted. */
export function scatterAddIntoBlocks(
  blocks: readonly TableBlock[],
  rows: number,
  dy: Tensor,
  ids: Tensor,
  groups?: TokenGroups,
): void {
  if (dy.size === 0) return;
  const width = dy.shape[1]!;
  if (groups !== undefined) {
    const { distinct, offsets, order } = groups;
    for (const { first, dTable } of blocks) {
      const plan = planGroupedScatterAdd(distinct.size, width, { first, rows: dTable.shape[0]! });
      launchPlan(plan, [dy, distinct, offsets, order], [dTable]);
    }
    return;
  }
  const { shape, strides, offset, dtype } = ids;
  const keys = positionKeys({ shape, strides, offset, isSigned: dtype === 'i32' }, [rows], 0);
  const sorted = sortKeys(ids.device, keys, ids.size, [ids]);
  for (const { first, dTable } of blocks) {
    const plan = planSortedScatterAdd(ids.size, width, { first, rows: dTable.shape[0]! });
    launchPlan(plan, [dy, sorted.keys, sorted.positions], [dTable]);
  }
  sorted.keys.dispose();
  sorted.positions.dispose();
}
