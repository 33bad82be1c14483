import { type DType, isFloat } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import { stridedRows } from '../kernels/lib/strided-rows.wgsl.ts';
import { planReduce } from '../kernels/reduce.wgsl.ts';
import type { Reduction } from '../kernels/reduce-folds.ts';
import type { RefArray, TensorSpec } from '../op.ts';
import { contiguousStrides, formatShape, normalizeAxis, type Shape, sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';

/** Which axes an op reduces. */
export interface ReduceAttrs {
  /** Axes to reduce, resolved and ascending. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** What a caller says about the axes of a reduction. */
export interface ReduceOptions {
  /** Axes to reduce, from either end; all of them by default, none for `[]`. */
  readonly axes?: readonly number[];
  /** Keeps reduced axes with size 1. */
  readonly keepDims?: boolean;
}

/** The shape without the reduced axes, or with size 1 in their place. */
export function reducedShape(shape: Shape, { axes, keepDims }: ReduceAttrs): number[] {
  return shape.flatMap((dim, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [dim]));
}

/** How many elements go into one result. */
export function reducedSize(shape: Shape, axes: readonly number[]): number {
  return axes.reduce((size, axis) => size * shape[axis]!, 1);
}

/** Resolves axes counted from either end. Throws ToolError 'shape' for one that is out of range. */
export function resolveAxes(op: string, rank: number, options: ReduceOptions): ReduceAttrs {
  const axes = options.axes?.map((axis) => normalizeAxis(op, axis, rank)) ?? Array.from({ length: rank }, (_, i) => i);
  return { axes: axes.sort((a, b) => a - b), keepDims: options.keepDims ?? false };
}

/** Refuses repeated axes, and an empty reduction where the op has no value for nothing. */
export function checkReduction(op: string, shape: Shape, attrs: ReduceAttrs, hasIdentity: boolean): void {
  if (new Set(attrs.axes).size !== attrs.axes.length) {
    throw new ToolError('shape', { op, expected: 'each axis once', got: formatShape(attrs.axes) });
  }
  if (!hasIdentity && sizeOf(shape) === 0 && sizeOf(reducedShape(shape, attrs)) > 0) {
    throw new ToolError('shape', {
      op,
      expected: 'at least one element to reduce',
      got: `axes ${formatShape(attrs.axes)} of ${formatShape(shape)}`,
    });
  }
}

/**
 * Records a reduction of any strided view; returns its new, contiguous output.
 *
 * @param empty the result where there is nothing to reduce.
 * @param scale see `ReduceSpec`.
 */
export function launchReduce(
  reduction: Reduction,
  x: Tensor,
  attrs: ReduceAttrs,
  out: TensorSpec,
  empty: number,
  scale = 1,
): Tensor {
  const { device } = x;
  const label = `tensor/${reduction}`;
  const size = sizeOf(out.shape);
  if (x.size === 0) return Tensor.from(device, new Array<number>(size).fill(empty), out.shape, out.dtype, label);
  // Elements that share words are rounded from f32 in a launch of their own.
  const dtype: DType = isFloat(out.dtype) ? 'f32' : out.dtype;
  const result = Tensor.empty(device, out.shape, dtype, label);
  const rows = stridedRows(x, attrs.axes);
  const { first, parts } = planReduce({ reduction, rows, dtype: x.dtype, out: dtype, scale }, device.adapterClass);
  const source = x.wholeBinding();
  if (parts === undefined) {
    device.dispatch(first.kernel, [source, result.binding()], first.params, first.workgroups);
  } else {
    const states = Tensor.empty(device, [parts.words], 'u32', `${label}/parts`);
    device.dispatch(first.kernel, [source, states.binding()], first.params, first.workgroups);
    const { kernel, params, workgroups } = parts.second;
    device.dispatch(kernel, [states.binding(), result.binding()], params, workgroups);
    states.dispose();
  }
  if (dtype === out.dtype) return result;
  const rounded = launchElementwise({ name: 'cast', expr: 'x0' }, [result], out);
  result.dispose();
  return rounded;
}

/** The float64 reference of a reduction: `fold` sees the elements of each result in order. */
export function reduceReference(
  x: RefArray,
  attrs: ReduceAttrs,
  out: DType,
  fold: (values: readonly number[]) => number,
): RefArray {
  const kept = reducedShape(x.shape, { ...attrs, keepDims: true });
  const strides = contiguousStrides(x.shape);
  const outStrides = contiguousStrides(kept);
  const groups: number[][] = Array.from({ length: sizeOf(kept) }, () => []);
  x.data.forEach((value, i) => {
    let at = 0;
    x.shape.forEach((dim, axis) => {
      if (!attrs.axes.includes(axis)) at += (Math.floor(i / strides[axis]!) % dim) * outStrides[axis]!;
    });
    groups[at]!.push(value);
  });
  return { shape: reducedShape(x.shape, attrs), data: Float64Array.from(groups, fold), dtype: out };
}
