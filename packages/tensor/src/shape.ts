import { ToolError } from './errors.ts';

/** Sizes of the dimensions, outermost first. `[]` is a scalar. */
export type Shape = readonly number[];

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/** Row-major strides in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

export function isContiguous(shape: Shape, strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const dim = shape[axis]!;
    if (dim !== 1 && strides[axis] !== expected) return false;
    expected *= dim;
  }
  return true;
}

/** True for equal ranks and sizes. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** A shape as errors print it, such as `[2,3]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(',')}]`;
}

/** NumPy broadcasting: the shape that both operands expand to. */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let axis = 0; axis < rank; axis++) {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ToolError('shape', {
        op,
        expected: 'shapes that broadcast together',
        got: `${formatShape(a)} and ${formatShape(b)}`,
        hint: 'sizes must be equal or 1, counted from the last dimension.',
      });
    }
    out[axis] = x === 1 ? y : x;
  }
  return out;
}

/** Turns an axis counted from either end into one counted from the front. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw new ToolError('shape', { op, expected: `an axis in [${-rank}, ${rank})`, got: String(axis) });
  }
  return resolved;
}

/** One loop nest over several operands: dimensions that all operands can walk together are merged. */
export interface LoopNest {
  readonly dims: number[];
  /** Per operand, a stride in elements for each of `dims`. */
  readonly strides: number[][];
}

/** Drops dimensions of size 1 and merges neighbours that are contiguous for every operand. */
export function collapseLoops(shape: Shape, strides: readonly (readonly number[])[]): LoopNest {
  const dims: number[] = [];
  const out: number[][] = strides.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    const dim = shape[axis]!;
    if (dim === 1) continue;
    const last = dims.length - 1;
    if (last >= 0 && strides.every((s, i) => out[i]![last] === s[axis]! * dim)) {
      dims[last] = dims[last]! * dim;
      strides.forEach((s, i) => {
        out[i]![last] = s[axis]!;
      });
    } else {
      dims.push(dim);
      strides.forEach((s, i) => {
        out[i]!.push(s[axis]!);
      });
    }
  }
  return { dims, strides: out };
}

/**
 * Strides under which a strided view has another shape with its elements in the same order; undefined where only a
 * copy would do. Runs of dimensions that are contiguous among themselves can be cut anew, others not.
 */
export function viewStrides(shape: Shape, strides: readonly number[], target: Shape): number[] | undefined {
  if (shape.includes(0)) return contiguousStrides(target);
  const runs = collapseLoops(shape, [strides]);
  const out = new Array<number>(target.length);
  let axis = target.length - 1;
  for (let run = runs.dims.length - 1; run >= 0; run--) {
    const size = runs.dims[run]!;
    const stride = runs.strides[0]![run]!;
    let covered = 1;
    while (axis >= 0 && (covered < size || target[axis] === 1)) {
      out[axis] = stride * covered;
      covered *= target[axis]!;
      axis--;
    }
    if (covered !== size) return undefined;
  }
  for (; axis >= 0; axis--) out[axis] = sizeOf(target);
  return out;
}
