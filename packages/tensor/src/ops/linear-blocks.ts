import { ToolError } from '../errors.ts';
import type { MatmulArithmetic } from '../kernels/matmul-spec.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { concatOp } from './concat.ts';
import { bindable } from './launch-elementwise.ts';
import { launchMatmul } from './launch-matmul.ts';
import {
  blockInputs,
  blockSizes,
  blocksOfInputs,
  type MatrixBlocks,
  type QuantizedBlockSizes,
  quantizedArrays,
  referenceMatrix,
} from './matrix-blocks.ts';
import { normalArray, refArray } from './reference.ts';

export interface LinearBlocksAttrs {
  /** What the last input is: a bias [out], a residual [N, out] to add, or absent. */
  readonly extra: 'none' | 'bias' | 'residual';
  /** What products are computed in; see `MatmulAttrs`. */
  readonly arithmetic?: MatmulArithmetic | undefined;
  /** How to read quantised blocks. */
  readonly quantized?: QuantizedBlockSizes | undefined;
}

/** Columns of the result begin at multiples of this where they are written in place: 256 bytes, for bindings. */
const COLUMN_ALIGNMENT = 64;

/** The inputs are x, the blocks of the weight, then the bias or the residual. */
export const linearBlocksOp: OpDef<LinearBlocksAttrs> = {
  name: 'linearBlocks',
  doc: 'y = x W^T for W [out, in] in row blocks, plus a bias or a residual; x [N, in] of any float type',
  anyDtype: true,
  dtypes: ['f32', 'f16', 'bf16'],
  tolerance: 'matmul',
  infer: (inputs, attrs) => {
    const [x, weights, extra] = partsOf(inputs, attrs);
    const { rows, columns } = blockSizes('linearBlocks', weights, attrs.quantized, inputs);
    const out = rows.reduce((sum, count) => sum + count, 0);
    const shape = [x?.shape[0] ?? 0, out];
    const wanted = formatShape(attrs.extra === 'bias' ? [out] : shape);
    const extraFits = extra === undefined || (extra.dtype === 'f32' && formatShape(extra.shape) === wanted);
    const isFloat = x?.dtype === 'f32' || x?.dtype === 'f16' || x?.dtype === 'bf16';
    if (x?.shape.length !== 2 || !isFloat || x.shape[1] !== columns || !extraFits) {
      throw new ToolError('shape', {
        op: 'linearBlocks',
        expected: `x [N, ${columns}] for a weight [${out}, ${columns}] in ${rows.length} blocks${attrs.extra === 'none' ? '' : `, f32 ${attrs.extra} ${wanted}`}`,
        got: inputs.map(({ dtype, shape: given }) => `${dtype} ${formatShape(given)}`).join(', '),
      });
    }
    return [{ shape, dtype: 'f32' }];
  },
  run: (inputs, [out], attrs) => {
    const [x, weights, extra] = partsOf(inputs, attrs) as [Tensor, Tensor[], Tensor | undefined];
    const blocks = blocksOfInputs(weights, attrs.quantized);
    const { rows } = blockSizes('linearBlocks', weights, attrs.quantized);
    const [count, width] = out!.shape as [number, number];
    const common = { transA: false, transB: true, epilogue: attrs.extra, arithmetic: attrs.arithmetic };
    const starts = startsOf(rows);
    // Where a block's columns begin off a binding's alignment, they are computed apart and joined by a copy.
    const isAligned = starts.every((start) => start % COLUMN_ALIGNMENT === 0);
    const y = isAligned ? Tensor.empty(x.device, out!.shape, 'f32', 'tensor/linear') : undefined;
    const added = extra && bindable(extra);
    const parts = blocks.map((block, i) => {
      const shape = [count, rows[i]!];
      const part =
        y === undefined
          ? Tensor.empty(x.device, shape, 'f32', 'tensor/linear/block')
          : y.view(shape, [width, 1], starts[i]!);
      const own = added && columnsOf(added, starts[i]!, rows[i]!);
      launchMatmul(part, x, block, { ...common, ...(own === undefined ? {} : { extra: own }) });
      own?.dispose();
      return part;
    });
    const [result] = y === undefined ? concatOp.run(parts, [out!], { axis: 1 }) : [y];
    for (const part of parts) part.dispose();
    if (added !== extra) added?.dispose();
    return [result!];
  },
  reference: (inputs, attrs) => {
    const [x, weights, extra] = partsOf(inputs, attrs);
    const matrix = referenceMatrix(weights, attrs.quantized);
    const [count, width] = x!.shape as [number, number];
    const out = matrix.shape[0]!;
    const y = new Float64Array(count * out);
    for (let n = 0; n < count; n++) {
      for (let o = 0; o < out; o++) {
        let total = extra === undefined ? 0 : extra.data[attrs.extra === 'bias' ? o : n * out + o]!;
        for (let i = 0; i < width; i++) total += x!.data[n * width + i]! * matrix.data[o * width + i]!;
        y[n * out + o] = total;
      }
    }
    return [refArray([count, out], y)];
  },
  samples: () => [
    {
      name: 'joined by a copy',
      inputs: [normalArray(181, [5, 6]), normalArray(182, [7, 6]), normalArray(183, [4, 6]), normalArray(184, [11])],
      attrs: { extra: 'bias' },
    },
    {
      name: 'written in place',
      inputs: [normalArray(185, [3, 5]), normalArray(186, [64, 5]), normalArray(187, [9, 5])],
      attrs: { extra: 'none' },
    },
    {
      name: 'in place, with a residual',
      inputs: [
        normalArray(188, [9, 8]),
        normalArray(189, [64, 8]),
        normalArray(190, [128, 8]),
        normalArray(191, [12, 8]),
        normalArray(192, [9, 204]),
      ],
      attrs: { extra: 'residual' },
    },
    {
      name: 'one row, a bias, a block without rows',
      inputs: [
        normalArray(193, [1, 16]),
        normalArray(194, [64, 16]),
        normalArray(195, [0, 16]),
        normalArray(196, [5, 16]),
        normalArray(197, [69]),
      ],
      attrs: { extra: 'bias' },
    },
    {
      name: 'q8_0, with a bias',
      inputs: [
        normalArray(198, [4, 32]),
        ...quantizedArrays(199, [64, 32], 'q8_0'),
        ...quantizedArrays(200, [12, 32], 'q8_0'),
        normalArray(201, [76]),
      ],
      attrs: { extra: 'bias', quantized: { format: 'q8_0', rows: [64, 12], columns: 32 } },
      constant: [1, 2, 3, 4],
    },
    {
      name: 'nf4, joined by a copy',
      inputs: [
        normalArray(202, [3, 64]),
        ...quantizedArrays(203, [5, 64], 'nf4'),
        ...quantizedArrays(204, [8, 64], 'nf4'),
      ],
      attrs: { extra: 'none', quantized: { format: 'nf4', rows: [5, 8], columns: 64 } },
      constant: [1, 2, 3, 4],
    },
    {
      name: 'q4_0, with a residual',
      inputs: [
        normalArray(205, [6, 64]),
        ...quantizedArrays(206, [64, 64], 'q4_0'),
        ...quantizedArrays(207, [8, 64], 'q4_0'),
        normalArray(208, [6, 72]),
      ],
      attrs: { extra: 'residual', quantized: { format: 'q4_0', rows: [64, 8], columns: 64 } },
      constant: [1, 2, 3, 4],
    },
  ],
  errors: () => [
    {
      name: 'blocks of other widths',
      inputs: [
        { shape: [2, 3], dtype: 'f32' },
        { shape: [5, 3], dtype: 'f32' },
        { shape: [5, 4], dtype: 'f32' },
      ],
      attrs: { extra: 'none' },
      code: 'shape',
    },
    {
      name: 'blocks of other types',
      inputs: [
        { shape: [2, 3], dtype: 'f32' },
        { shape: [5, 3], dtype: 'f32' },
        { shape: [5, 3], dtype: 'f16' },
      ],
      attrs: { extra: 'none' },
      code: 'shape',
    },
    {
      name: 'x of another width',
      inputs: [
        { shape: [2, 4], dtype: 'f32' },
        { shape: [5, 3], dtype: 'f32' },
        { shape: [5, 3], dtype: 'f32' },
      ],
      attrs: { extra: 'none' },
      code: 'shape',
    },
    {
      name: 'a bias of one block only',
      inputs: [
        { shape: [2, 3], dtype: 'f32' },
        { shape: [5, 3], dtype: 'f32' },
        { shape: [5, 3], dtype: 'f32' },
        { shape: [5], dtype: 'f32' },
      ],
      attrs: { extra: 'bias' },
      code: 'shape',
    },
  ],
};

/** x, the inputs that are the weight, and the bias or residual. */
function partsOf<T>(
  inputs: readonly T[],
  { extra }: LinearBlocksAttrs,
): [x: T | undefined, weights: T[], extra: T | undefined] {
  const end = extra === 'none' ? inputs.length : inputs.length - 1;
  return [inputs[0], inputs.slice(1, end), inputs[end]];
}

/** Where each of `counts` begins. */
function startsOf(counts: readonly number[]): number[] {
  let end = 0;
  return counts.map((count) => {
    end += count;
    return end - count;
  });
}

/** Columns of a plain [N, out] or [out], as a handle to dispose. */
function columnsOf(tensor: Tensor, first: number, count: number): Tensor {
  return tensor.view([...tensor.shape.slice(0, -1), count], tensor.strides, tensor.offset + first);
}

/** What `linear` does with a weight in several blocks. */
export function linearBlocks(
  x: Tensor,
  blocks: MatrixBlocks,
  { bias, residual, arithmetic }: { bias?: Tensor; residual?: Tensor; arithmetic?: MatmulArithmetic },
): Tensor {
  const { inputs, quantized } = blockInputs('linear', blocks);
  const extra = bias === undefined ? (residual === undefined ? 'none' : 'residual') : 'bias';
  const added = bias ?? residual;
  const all = [x, ...inputs, ...(added === undefined ? [] : [added])];
  return applyOp(linearBlocksOp, all, { extra, arithmetic, quantized })[0]!;
}
