import { bytesPerElement } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import type { FloatFormat, MatmulArithmetic, MatmulEpilogue, MatmulFusion } from '../kernels/matmul-spec.ts';
import type { TensorSpec } from '../op.ts';
import { broadcastShapes, formatShape, type Shape, sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { bindable } from './launch-elementwise.ts';
import { recordMatmul } from './matmul-launch.ts';
import type { QuantizedMatrix } from './quantized-matrix.ts';

/** How a matmul reads its operands and what it computes in. */
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

/** The extents of a product. Throws ToolError 'shape' for operands that do not fit. */
export function matmulDims(a: TensorSpec, b: TensorSpec, { transA, transB }: MatmulAttrs): MatmulDims {
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

/** How `launchMatmul` reads its operands, and what it does with the sums before they are written. */
export interface LaunchMatmulAttrs extends MatmulAttrs {
  readonly epilogue?: MatmulEpilogue;
  /** The bias [N] or the residual [..., M, N]. */
  readonly extra?: Tensor;
  readonly alpha?: number;
  /** A pointwise expression after the epilogue. */
  readonly fused?: LaunchFusion;
}

/**
 * Records out = fused(epilogue(alpha * op(a) op(b))) into a plain f32 tensor of shape [..., M, N], or into columns
 * of one: a view [M, N] whose rows are further apart and which begins at a multiple of 256 bytes; a residual is
 * then such a view too, of rows as far apart. a is f32, f16 or bf16; so is b, or quantised. Not seen by autograd.
 * Throws ToolError 'shape' for operands that do not fit and for other views to write to.
 */
export function launchMatmul(out: Tensor, a: Tensor, b: Tensor | QuantizedMatrix, attrs: LaunchMatmulAttrs): void {
  const { m, n, k, batch } = matmulDims(
    a,
    b instanceof Tensor ? b : { shape: [b.rows, b.columns], dtype: 'f32' },
    attrs,
  );
  if (out.size === 0) return;
  const left = matrixView(a, batch);
  const right =
    b instanceof Tensor ? matrixView(b, batch) : { tensor: bindable(b.codes), ld: b.columns, batchStride: 0 };
  const scales = b instanceof Tensor ? undefined : bindable(b.scales);
  const given = [...(attrs.extra === undefined ? [] : [attrs.extra]), ...(attrs.fused?.tensors ?? [])];
  const target = targetOf(out, attrs);
  const isResidual = (i: number): boolean => i === 0 && attrs.epilogue === 'residual';
  const extras = given.map((extra, i) => (isResidual(i) && !out.isContiguous ? extra : bindable(extra)));
  const bindings = extras.map((extra) => spanBinding({ tensor: extra }));
  recordMatmul(out.device, {
    size: {
      m,
      n,
      k,
      batch: sizeOf(batch),
      lda: left.ld,
      ldb: right.ld,
      ldc: target.ld,
      strideA: left.batchStride,
      strideB: right.batchStride,
      strideC: m * target.ld,
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
      scales: scales?.binding(),
      extra: attrs.extra && bindings[0],
      fused: attrs.extra === undefined ? bindings : bindings.slice(1),
      kept: attrs.fused?.kept?.binding(),
      c: spanBinding(target),
    },
  });
  if (left.tensor !== a) left.tensor.dispose();
  if (right.tensor !== (b instanceof Tensor ? b : b.codes)) right.tensor.dispose();
  if (!(b instanceof Tensor) && scales !== b.scales) scales?.dispose();
  extras.forEach((extra, i) => {
    if (extra !== given[i]) extra.dispose();
  });
}

/** The rows that the result goes to. */
function targetOf(out: Tensor, { extra, epilogue, fused }: LaunchMatmulAttrs): MatrixView {
  const columns = out.shape[out.rank - 1]!;
  const aligned = (out.offset * 4) % 256 === 0;
  if (out.isContiguous && aligned) return { tensor: out, ld: columns, batchStride: 0 };
  const ld = out.strides[0]!;
  const isLike = (other: Tensor): boolean =>
    other.strides.join() === out.strides.join() && (other.offset * 4) % 256 === 0;
  const fits =
    out.rank === 2 &&
    out.strides[1] === 1 &&
    ld >= columns &&
    aligned &&
    (epilogue !== 'residual' || isLike(extra!)) &&
    fused?.operands.includes('matrix') !== true;
  if (fits) return { tensor: out, ld, batchStride: 0 };
  throw new ToolError('shape', {
    op: 'matmul',
    expected: 'a plain tensor to write to, or columns of one that begin at a multiple of 256 bytes',
    got: `a view ${formatShape(out.shape)} with strides ${formatShape(out.strides)} at ${out.offset}`,
  });
}

/** The range from a view's first element to its last: rows may be further apart than they are long. */
function spanBinding({ tensor }: Pick<MatrixView, 'tensor'>): ReturnType<Tensor['binding']> {
  if (tensor.isContiguous) return tensor.binding();
  const width = bytesPerElement(tensor.dtype);
  const offset = tensor.offset * width;
  const last = tensor.shape.reduce((sum, dim, axis) => sum + (dim - 1) * tensor.strides[axis]!, 0);
  const bytes = Math.ceil(((last + 1) * width) / 16) * 16;
  return { storage: tensor.storage, offset, size: Math.min(bytes, tensor.storage.bytes - offset) };
}
