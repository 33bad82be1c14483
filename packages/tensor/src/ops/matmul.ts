import { bytesPerElement } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import type { FloatFormat, MatmulArithmetic, MatmulEpilogue, MatmulFusion } from '../kernels/matmul-spec.ts';
import { applyOp, type OpDef, type TensorSpec } from '../op.ts';
import { broadcastShapes, formatShape, type Shape, sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { bindable } from './launch-elementwise.ts';
import { recordMatmul } from './matmul-launch.ts';
import { quantizedMatmul } from './quantized-matmul.ts';
import type { QuantizedMatrix } from './quantized-matrix.ts';
import { forEachBroadcast, normalArray, refArray } from './reference.ts';

export interface MatmulAttrs {
  /** Read the last two dimensions of a (or b) swapped. */
  readonly transA: boolean;
  readonly transB: boolean;
  /**
   * What products are computed in. Default f32. f16 wants the feature `shader-f16`: operands are rounded to
   * f16, sums stay f32; the gradient is computed in f32.
   */
  readonly arithmetic?: MatmulArithmetic | undefined;
}

interface MatmulDims {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** The broadcast leading dimensions. */
  readonly batch: number[];
}

function dimsOf(a: TensorSpec, b: TensorSpec, { transA, transB }: MatmulAttrs): MatmulDims {
  const fail = (got: string): never => {
    throw new ToolError('shape', {
      op: 'matmul',
      expected: 'a [..., M, K] and b [..., K, N]',
      got,
      hint: 'transpose an operand (transA, transB) or check the widths.',
    });
  };
  if (a.shape.length < 2 || b.shape.length < 2) return fail(`a ${formatShape(a.shape)} and b ${formatShape(b.shape)}`);
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const k = transA ? aRows : aColumns;
  const inner = transB ? bColumns : bRows;
  if (k !== inner) {
    return fail(
      `inner sizes ${k} and ${inner} (a ${formatShape(a.shape)}${transA ? '^T' : ''}, b ${formatShape(b.shape)}${transB ? '^T' : ''})`,
    );
  }
  return {
    m: transA ? aColumns : aRows,
    n: transB ? bRows : bColumns,
    k,
    batch: broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2)),
  };
}

/** A view that the kernel can address: last dimension dense, one row stride, one batch stride (0 = broadcast). */
interface MatrixView {
  readonly tensor: Tensor;
  readonly ld: number;
  readonly batchStride: number;
}

function matrixView(tensor: Tensor, batch: Shape): MatrixView {
  const columns = tensor.shape[tensor.rank - 1]!;
  const rowStride = tensor.strides[tensor.rank - 2]!;
  const leading = tensor.shape.slice(0, -2);
  const aligned = (tensor.offset * bytesPerElement(tensor.dtype)) % 256 === 0;
  const dense = tensor.strides[tensor.rank - 1] === 1 || columns === 1;
  if (sizeOf(leading) === 1 && aligned && dense && rowStride >= columns)
    return { tensor, ld: rowStride, batchStride: 0 };
  const matrix = tensor.shape[tensor.rank - 2]! * columns;
  if (leading.length > 0 && sizeOf(leading) !== sizeOf(batch) && sizeOf(leading) !== 1) {
    // A mixed broadcast, such as [3, 1, M, K] against [1, 5, K, N]: rare, so it may copy.
    const shape = [...batch, ...tensor.shape.slice(-2)];
    const lead = shape.length - tensor.rank;
    const strides = shape.map((_, axis) =>
      axis < lead || tensor.shape[axis - lead] === 1 ? 0 : tensor.strides[axis - lead]!,
    );
    const expanded = tensor.view(shape, strides, tensor.offset);
    const copy = bindable(expanded);
    expanded.dispose();
    return { tensor: copy, ld: columns, batchStride: matrix };
  }
  return { tensor: bindable(tensor), ld: columns, batchStride: sizeOf(leading) === 1 ? 0 : matrix };
}

/** A fused expression with the tensors that it reads and writes. */
export interface LaunchFusion extends MatmulFusion {
  /** One tensor an entry of `operands`: [..., M, N] or [N]. */
  readonly tensors: readonly Tensor[];
  /** With `keepsSum`: a plain [..., M, N] that gets the values before the expression. */
  readonly kept?: Tensor;
}

export interface LaunchMatmulAttrs extends MatmulAttrs {
  readonly epilogue?: MatmulEpilogue;
  /** The bias [N] or the residual [..., M, N]. */
  readonly extra?: Tensor;
  readonly alpha?: number;
  /** A pointwise expression after the epilogue. */
  readonly fused?: LaunchFusion;
}

/**
 * Records out = fused(epilogue(alpha * op(a) op(b))) into a plain f32 tensor of shape [..., M, N]. a is
 * f32, f16 or bf16; so is b, or quantised. Not seen by autograd.
 */
export function launchMatmul(out: Tensor, a: Tensor, b: Tensor | QuantizedMatrix, attrs: LaunchMatmulAttrs): void {
  const { m, n, k, batch } = dimsOf(a, b instanceof Tensor ? b : { shape: [b.rows, b.columns], dtype: 'f32' }, attrs);
  if (out.size === 0) return;
  const left = matrixView(a, batch);
  const right = b instanceof Tensor ? matrixView(b, batch) : { tensor: b.codes, ld: b.columns, batchStride: 0 };
  const given = [...(attrs.extra === undefined ? [] : [attrs.extra]), ...(attrs.fused?.tensors ?? [])];
  const extras = given.map(bindable);
  const bindings = extras.map((extra) => extra.binding());
  recordMatmul(out.device, {
    size: {
      m,
      n,
      k,
      batch: sizeOf(batch),
      lda: left.ld,
      ldb: right.ld,
      ldc: n,
      strideA: left.batchStride,
      strideB: right.batchStride,
      strideC: m * n,
      alpha: attrs.alpha ?? 1,
    },
    variant: {
      transA: attrs.transA,
      transB: attrs.transB,
      epilogue: attrs.epilogue ?? 'none',
      fused: attrs.fused,
      input: a.dtype as FloatFormat,
      weight: b instanceof Tensor ? (b.dtype as FloatFormat) : b.format,
      arithmetic: attrs.arithmetic,
    },
    buffers: {
      a: spanBinding(left),
      b: spanBinding(right),
      scales: b instanceof Tensor ? undefined : b.scales.binding(),
      extra: attrs.extra && bindings[0],
      fused: attrs.extra === undefined ? bindings : bindings.slice(1),
      kept: attrs.fused?.kept?.binding(),
      c: out.binding(),
    },
  });
  if (left.tensor !== a) left.tensor.dispose();
  if (b instanceof Tensor && right.tensor !== b) right.tensor.dispose();
  extras.forEach((extra, i) => {
    if (extra !== given[i]) extra.dispose();
  });
}

/** The range from a view's first element to the end of its buffer: rows may be further apart than they are long. */
function spanBinding({ tensor }: MatrixView): ReturnType<Tensor['binding']> {
  if (tensor.isContiguous) return tensor.binding();
  const offset = tensor.offset * bytesPerElement(tensor.dtype);
  return { storage: tensor.storage, offset, size: tensor.storage.bytes - offset };
}

export const matmulOp: OpDef<MatmulAttrs> = {
  name: 'matmul',
  doc: 'y = a b over the last two dimensions, either operand transposed by index; leading dimensions broadcast; f32 from operands of any float type',
  dtypes: ['f32', 'f16', 'bf16'],
  infer: ([a, b], attrs) => {
    const { m, n, batch } = dimsOf(a!, b!, attrs);
    return [{ shape: [...batch, m, n], dtype: 'f32' }];
  },
  run: ([a, b], [out], attrs) => {
    const y = Tensor.empty(a!.device, out!.shape, 'f32', 'tensor/matmul');
    launchMatmul(y, a!, b!, attrs);
    return [y];
  },
  reference: ([a, b], attrs) => {
    const { m, n, k, batch } = dimsOf({ ...a!, dtype: 'f32' }, { ...b!, dtype: 'f32' }, attrs);
    const data = new Float64Array(sizeOf(batch) * m * n);
    const [ldA, ldB] = [a!.shape[a!.shape.length - 1]!, b!.shape[b!.shape.length - 1]!];
    forEachBroadcast(batch, [a!.shape.slice(0, -2), b!.shape.slice(0, -2)], (index, [i, j]) => {
      for (let row = 0; row < m; row++) {
        for (let column = 0; column < n; column++) {
          let total = 0;
          for (let inner = 0; inner < k; inner++) {
            const x = a!.data[i! * m * k + (attrs.transA ? inner * ldA + row : row * ldA + inner)]!;
            const y = b!.data[j! * k * n + (attrs.transB ? column * ldB + inner : inner * ldB + column)]!;
            total += x * y;
          }
          data[(index * m + row) * n + column] = total;
        }
      }
    });
    return [refArray([...batch, m, n], data)];
  },
  samples: () => [
    {
      name: 'plain',
      inputs: [normalArray(111, [8, 12]), normalArray(112, [12, 16])],
      attrs: { transA: false, transB: false },
    },
    {
      name: 'odd',
      inputs: [normalArray(113, [7, 5]), normalArray(114, [5, 9])],
      attrs: { transA: false, transB: false },
    },
    {
      name: 'b transposed',
      inputs: [normalArray(115, [33, 20]), normalArray(116, [12, 20])],
      attrs: { transA: false, transB: true },
    },
    {
      name: 'a transposed',
      inputs: [normalArray(117, [70, 8]), normalArray(118, [70, 12])],
      attrs: { transA: true, transB: false },
    },
    {
      name: 'both transposed',
      inputs: [normalArray(119, [6, 10]), normalArray(120, [3, 6])],
      attrs: { transA: true, transB: true },
    },
    {
      name: 'batched',
      inputs: [normalArray(121, [3, 4, 5]), normalArray(122, [3, 5, 6])],
      attrs: { transA: false, transB: false },
    },
    {
      name: 'one matrix for a batch',
      inputs: [normalArray(123, [3, 4, 8]), normalArray(124, [8, 8])],
      attrs: { transA: false, transB: true },
    },
    {
      name: 'mixed broadcast',
      inputs: [normalArray(125, [2, 1, 3, 4]), normalArray(126, [3, 4, 5])],
      attrs: { transA: false, transB: false },
    },
    {
      name: 'one by one',
      inputs: [normalArray(127, [1, 1]), normalArray(128, [1, 1])],
      attrs: { transA: false, transB: false },
    },
    {
      name: 'nothing to sum',
      inputs: [normalArray(129, [3, 0]), normalArray(130, [0, 2])],
      attrs: { transA: false, transB: false },
    },
    {
      name: 'no rows',
      inputs: [normalArray(131, [0, 3]), normalArray(132, [3, 2])],
      attrs: { transA: false, transB: false },
    },
  ],
  errors: () => [
    {
      name: 'inner sizes differ',
      inputs: [
        { shape: [4, 128], dtype: 'f32' },
        { shape: [64, 32], dtype: 'f32' },
      ],
      attrs: { transA: false, transB: false },
      code: 'shape',
    },
    {
      name: 'a vector',
      inputs: [
        { shape: [4], dtype: 'f32' },
        { shape: [4, 2], dtype: 'f32' },
      ],
      attrs: { transA: false, transB: false },
      code: 'shape',
    },
  ],
};

/**
 * a b over the last two dimensions; `transA`/`transB` read an operand transposed without a copy. b may be a
 * quantised matrix, which takes no gradient; then a is [..., M, K] as it stands. Throws ToolError 'shape'.
 */
export function matmul(a: Tensor, b: Tensor | QuantizedMatrix, attrs: Partial<MatmulAttrs> = {}): Tensor {
  const { transA = false, transB = false, arithmetic } = attrs;
  if (b instanceof Tensor) return applyOp(matmulOp, [a, b], { transA, transB, arithmetic })[0]!;
  if (!transA) return quantizedMatmul(a, b, { transB });
  throw new ToolError('shape', {
    op: 'matmul',
    expected: 'a [..., M, K], not transposed, beside quantised weights',
    got: 'transA',
    hint: 'transpose a first.',
  });
}
