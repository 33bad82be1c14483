import { ToolError } from '../errors.ts';
import { WEIGHT_BLOCK } from '../kernels/matmul-weight.wgsl.ts';
import type { QuantizedFormat } from '../kernels/quantize.ts';
import { applyOp, type OpDef, type OpSample, type TensorSpec } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchMatmul } from './launch-matmul.ts';
import { dequantized, quantizedArrays } from './matrix-blocks.ts';
import { type QuantizedMatrix, quantizedSizes, scaleDtype } from './quantized-matrix.ts';
import { normalArray, refArray } from './reference.ts';

/** The stored matrix, and how it is read. */
export interface QuantizedMatmulAttrs {
  readonly format: QuantizedFormat;
  /** Of the stored matrix W. */
  readonly rows: number;
  readonly columns: number;
  /** x W^T instead of x W. */
  readonly transB: boolean;
  /** What the fourth input is: a bias [N], a residual like the result, or absent. */
  readonly extra: 'none' | 'bias' | 'residual';
}

function inferOutput([x, codes, scales, extra]: readonly TensorSpec[], attrs: QuantizedMatmulAttrs): TensorSpec[] {
  const { format, rows, columns, transB } = attrs;
  const [inner, out] = transB ? [columns, rows] : [rows, columns];
  const { words, blocks } = quantizedSizes([rows, columns], format);
  const shape = [...x!.shape.slice(0, -1), out];
  const extraFits =
    attrs.extra === 'none' ||
    (extra!.dtype === 'f32' && formatShape(extra!.shape) === formatShape(attrs.extra === 'bias' ? [out] : shape));
  const isWeight =
    codes!.dtype === 'u32' &&
    scales!.dtype === scaleDtype(format) &&
    columns % WEIGHT_BLOCK[format] === 0 &&
    formatShape(codes!.shape) === formatShape([words]) &&
    formatShape(scales!.shape) === formatShape([blocks]);
  if (x!.shape.length < 2 || x!.shape.at(-1) !== inner || !extraFits || !isWeight) {
    throw new ToolError('shape', {
      op: 'quantizedMatmul',
      expected: `x [..., ${inner}] for ${format} weights [${rows}, ${columns}]${transB ? '^T' : ''}${attrs.extra === 'none' ? '' : `, f32 ${attrs.extra}`}`,
      got: [x, codes, scales, extra].flatMap((t) => (t ? [`${t.dtype} ${formatShape(t.shape)}`] : [])).join(', '),
    });
  }
  return [{ shape, dtype: 'f32' }];
}

/** A sample with weights that were quantised from normal values. */
function sample(
  name: string,
  xShape: readonly number[],
  [rows, columns]: readonly [number, number],
  format: QuantizedFormat,
  transB: boolean,
  extra?: 'bias' | 'residual',
): OpSample<QuantizedMatmulAttrs> {
  const [codes, scales] = quantizedArrays(rows, [rows, columns], format);
  const out = transB ? rows : columns;
  const added = extra === undefined ? [] : [normalArray(153, extra === 'bias' ? [out] : [...xShape.slice(0, -1), out])];
  return {
    name,
    inputs: [normalArray(152, [...xShape]), codes, scales, ...added],
    attrs: { format, rows, columns, transB, extra: extra ?? 'none' },
    constant: [1, 2],
  };
}

export const quantizedMatmulOp: OpDef<QuantizedMatmulAttrs> = {
  name: 'quantizedMatmul',
  doc: 'y = x W or x W^T for block-quantised weights W, which take no gradient; a bias or a residual is added',
  integerInputs: [1, 2],
  infer: inferOutput,
  run: ([x, codes, scales, extra], [out], { format, rows, columns, transB, extra: kind }) => {
    const y = Tensor.empty(x!.device, out!.shape, 'f32', 'tensor/quantizedMatmul');
    launchMatmul(
      y,
      x!,
      { format, rows, columns, codes: codes!, scales: scales! },
      { transA: false, transB, epilogue: kind, ...(extra === undefined ? {} : { extra }) },
    );
    return [y];
  },
  reference: ([x, codes, scales, extra], { format, rows, columns, transB, extra: kind }) => {
    const weights = dequantized(codes!, scales!, format);
    const [inner, out] = transB ? [columns, rows] : [rows, columns];
    const count = x!.data.length / inner;
    const y = new Float64Array(count * out);
    for (let n = 0; n < count; n++) {
      for (let o = 0; o < out; o++) {
        let total = kind === 'none' ? 0 : extra!.data[kind === 'bias' ? o : n * out + o]!;
        for (let i = 0; i < inner; i++) {
          total += x!.data[n * inner + i]! * weights[transB ? o * columns + i : i * columns + o]!;
        }
        y[n * out + o] = total;
      }
    }
    return [refArray([...x!.shape.slice(0, -1), out], y)];
  },
  samples: () => [
    sample('q8_0 as in a linear layer', [5, 64], [7, 64], 'q8_0', true, 'bias'),
    sample('q8_0 as in its gradient', [6, 9], [9, 32], 'q8_0', false),
    sample('q4_0 as in a linear layer', [2, 3, 96], [12, 96], 'q4_0', true, 'residual'),
    sample('q4_0 as in its gradient', [1, 8], [8, 64], 'q4_0', false),
    sample('nf4 as in a linear layer', [9, 128], [33, 128], 'nf4', true),
    sample('nf4 as in its gradient', [3, 5], [5, 64], 'nf4', false, 'bias'),
  ],
  errors: () => [
    {
      name: 'another width',
      inputs: [
        { shape: [2, 32], dtype: 'f32' },
        { shape: [4 * 16], dtype: 'u32' },
        { shape: [4 * 2], dtype: 'f16' },
      ],
      attrs: { format: 'q8_0', rows: 4, columns: 64, transB: true, extra: 'none' },
      code: 'shape',
    },
    {
      name: 'scales of another type',
      inputs: [
        { shape: [2, 64], dtype: 'f32' },
        { shape: [4 * 16], dtype: 'u32' },
        { shape: [4 * 2], dtype: 'f32' },
      ],
      attrs: { format: 'q8_0', rows: 4, columns: 64, transB: true, extra: 'none' },
      code: 'shape',
    },
  ],
};

/** How the stored matrix is read, and what is added to the product. */
export interface QuantizedMatmulOptions {
  /** [N], added to each row. */
  readonly bias?: Tensor;
  /** Like the result. Not together with a bias. */
  readonly residual?: Tensor;
  readonly transB: boolean;
}

/** x W, or x W^T with `transB`, for x [..., K]. The gradient of x goes through; W has none. */
export function quantizedMatmul(x: Tensor, weight: QuantizedMatrix, options: QuantizedMatmulOptions): Tensor {
  const { format, rows, columns, codes, scales } = weight;
  const { bias, residual, transB } = options;
  const extra = bias === undefined ? (residual === undefined ? 'none' : 'residual') : 'bias';
  const added = bias ?? residual;
  const inputs = [x, codes, scales, ...(added === undefined ? [] : [added])];
  return applyOp(quantizedMatmulOp, inputs, { format, rows, columns, transB, extra })[0]!;
}
