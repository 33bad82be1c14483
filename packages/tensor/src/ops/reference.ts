import type { DType } from '../dtype.ts';
import { broadcastStrides } from '../kernels/elementwise.wgsl.ts';
import type { RefArray } from '../op.ts';
import { Rng } from '../rng.ts';
import { contiguousStrides, type Shape, sizeOf } from '../shape.ts';

/** A float64 array for samples and references. */
export function refArray(shape: Shape, data: ArrayLike<number>, dtype?: RefArray['dtype']): RefArray {
  return { shape, data: Float64Array.from(data), ...(dtype ? { dtype } : {}) };
}

/** The result of a reference whose values are stored as `dtype`: integers wrap as they do on the device. */
export function stored(shape: Shape, data: ArrayLike<number>, dtype: DType): RefArray {
  const values = Float64Array.from(data);
  if (dtype === 'i32') return { shape, data: values.map((value) => value | 0), dtype };
  if (dtype === 'u32') return { shape, data: values.map((value) => value >>> 0), dtype };
  return { shape, data: values, dtype };
}

/** Standard normal values rounded to f32, a pure function of `seed`. */
export function normalArray(seed: number, shape: Shape, scale = 1, shift = 0): RefArray {
  const rng = new Rng(seed, 0x5a);
  return refArray(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => Math.fround(rng.normal(0, i) * scale + shift)),
  );
}

/** Integers in [0, bound) as a u32 array, a pure function of `seed`. */
export function indexArray(seed: number, shape: Shape, bound: number): RefArray {
  const rng = new Rng(seed, 0x5b);
  return refArray(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => rng.integer(0, i, bound)),
    'u32',
  );
}

/** Calls `visit(outIndex, offsets)` for every element of `shape`, with each operand's broadcast offset. */
export function forEachBroadcast(
  shape: Shape,
  operands: readonly Shape[],
  visit: (out: number, offsets: number[]) => void,
): void {
  const strides = operands.map((operand) => broadcastStrides(operand, contiguousStrides(operand), shape));
  const index = new Array<number>(shape.length).fill(0);
  const total = sizeOf(shape);
  for (let out = 0; out < total; out++) {
    visit(
      out,
      strides.map((s) => s.reduce((sum, stride, axis) => sum + stride * index[axis]!, 0)),
    );
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = index[axis]! + 1;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
}
