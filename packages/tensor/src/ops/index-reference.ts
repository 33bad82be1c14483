import type { RefArray } from '../op.ts';
import { contiguousStrides, type Shape, sizeOf } from '../shape.ts';

/** A host array made element by element from its index; the plain model of everything that moves elements. */
export function fromIndex(
  shape: Shape,
  dtype: RefArray['dtype'],
  value: (index: readonly number[]) => number,
): RefArray {
  const strides = contiguousStrides(shape);
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    data[i] = value(shape.map((dim, axis) => Math.floor(i / strides[axis]!) % dim));
  }
  return { shape, data, ...(dtype ? { dtype } : {}) };
}

/** The element of a host array at an index. */
export function elementAt(x: RefArray, index: readonly number[]): number {
  const strides = contiguousStrides(x.shape);
  return x.data[index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0)]!;
}
