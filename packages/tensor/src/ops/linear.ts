import { ToolError } from '../errors.ts';
import type { MatmulArithmetic } from '../kernels/matmul-spec.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchMatmul } from './launch-matmul.ts';
import { linearBlocks } from './linear-blocks.ts';
import { listBlocks, type MatrixBlocks } from './matrix-blocks.ts';
import { quantizedMatmul } from './quantized-matmul.ts';
import type { QuantizedMatrix } from './quantized-matrix.ts';
import { normalArray, refArray } from './reference.ts';

export interface LinearAttrs {
  /** What the third input is: a bias [out], a residual [N, out] to add, or absent. */
  readonly extra: 'none' | 'bias' | 'residual';
  /** What products are computed in; see `MatmulAttrs`. */
  readonly arithmetic?: MatmulArithmetic | undefined;
}

const F32 = { dtype: 'f32' };

export const linearOp: OpDef<LinearAttrs> = {
  name: 'linear',
  doc: 'y = x W^T, plus a bias or a residual added in the same kernel; x [N, in], W [out, in], of any float type',
  dtypes: ['f32', 'f16', 'bf16'],
  infer: ([x, w, extra], attrs) => {
    const [rows, width] = x!.shape;
    const [out, inner] = w!.shape;
    const extraFits =
      attrs.extra === 'none' ||
      (attrs.extra === 'bias'
        ? extra!.shape.length === 1 && extra!.shape[0] === out
        : extra!.shape[0] === rows && extra!.shape[1] === out);
    if (
      x!.shape.length !== 2 ||
      w!.shape.length !== 2 ||
      width !== inner ||
      !extraFits ||
      (extra ?? F32).dtype !== 'f32'
    ) {
      throw new ToolError('shape', {
        op: 'linear',
        expected: `x [N, in], weight [out, in]${attrs.extra === 'none' ? '' : attrs.extra === 'bias' ? ', f32 bias [out]' : ', f32 residual [N, out]'}`,
        got: [x, w, extra].flatMap((t) => (t === undefined ? [] : [`${t.dtype} ${formatShape(t.shape)}`])).join(', '),
      });
    }
    return [{ shape: [rows!, out!], dtype: 'f32' }];
  },
  run: ([x, w, extra], [out], attrs) => {
    const y = Tensor.empty(x!.device, out!.shape, 'f32', 'tensor/linear');
    launchMatmul(y, x!, w!, {
      transA: false,
      transB: true,
      epilogue: attrs.extra,
      arithmetic: attrs.arithmetic,
      ...(extra === undefined ? {} : { extra }),
    });
    return [y];
  },
  reference: ([x, w, extra], attrs) => {
    const [rows, width] = x!.shape as [number, number];
    const out = w!.shape[0]!;
    const y = new Float64Array(rows * out);
    for (let n = 0; n < rows; n++) {
      for (let o = 0; o < out; o++) {
        let total =
          attrs.extra === 'bias' ? extra!.data[o]! : attrs.extra === 'residual' ? extra!.data[n * out + o]! : 0;
        for (let i = 0; i < width; i++) total += x!.data[n * width + i]! * w!.data[o * width + i]!;
        y[n * out + o] = total;
      }
    }
    return [refArray([rows, out], y)];
  },
  samples: () => [
    { name: 'plain', inputs: [normalArray(141, [9, 8]), normalArray(142, [12, 8])], attrs: { extra: 'none' } },
    {
      name: 'bias',
      inputs: [normalArray(143, [9, 7]), normalArray(144, [5, 7]), normalArray(145, [5])],
      attrs: { extra: 'bias' },
    },
    {
      name: 'residual',
      inputs: [normalArray(146, [70, 16]), normalArray(147, [8, 16]), normalArray(148, [70, 8])],
      attrs: { extra: 'residual' },
    },
    {
      name: 'one output',
      inputs: [normalArray(149, [13, 8]), normalArray(150, [1, 8]), normalArray(151, [1])],
      attrs: { extra: 'bias' },
    },
  ],
  errors: () => [
    {
      name: 'widths differ',
      inputs: [
        { shape: [2, 3], dtype: 'f32' },
        { shape: [5, 4], dtype: 'f32' },
      ],
      attrs: { extra: 'none' },
      code: 'shape',
    },
    {
      name: 'bias of another width',
      inputs: [
        { shape: [2, 3], dtype: 'f32' },
        { shape: [5, 3], dtype: 'f32' },
        { shape: [4], dtype: 'f32' },
      ],
      attrs: { extra: 'bias' },
      code: 'shape',
    },
  ],
};

/** What `linear` adds to x W^T, and what it multiplies in. */
export interface LinearOptions {
  /** [out], added to each row. */
  readonly bias?: Tensor;
  /** [N, out], added to the result. Not together with a bias. */
  readonly residual?: Tensor;
  /** What products are computed in; see `MatmulAttrs`. Not for quantised weights. */
  readonly arithmetic?: MatmulArithmetic;
}

/**
 * x W^T for x [N, in] and W [out, in], with a bias or a residual added in the same kernel. W may be f32, f16,
 * bf16 or quantised; a quantised W takes no gradient. Throws ToolError 'shape'.
 *
 * @param weight one matrix, or the row blocks of one that is larger than a storage binding: then a launch a block
 *   writes its columns of the result. Blocks but the last should have a multiple of 64 rows; others cost a copy.
 */
export function linear(
  x: Tensor,
  weight: Tensor | QuantizedMatrix | MatrixBlocks,
  options: LinearOptions = {},
): Tensor {
  const blocks = listBlocks(weight);
  const [only] = blocks;
  if (only === undefined || blocks.length > 1) return linearBlocks(x, blocks, options);
  if (!(only instanceof Tensor)) return quantizedMatmul(x, only, { ...options, transB: true });
  const { bias, residual, arithmetic } = options;
  const extra = bias === undefined ? (residual === undefined ? 'none' : 'residual') : 'bias';
  const added = bias ?? residual;
  return applyOp(linearOp, [x, only, ...(added === undefined ? [] : [added])], { extra, arithmetic })[0]!;
}
