import { ToolError } from '../errors.ts';
import { formatShape, normalizeAxis } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { select, slice } from './slice.ts';

/** Consecutive parts along an axis, of the given sizes, which must add up to its size. Views. */
export function split(x: Tensor, sizes: readonly number[], axis = 0): Tensor[] {
  const resolved = normalizeAxis('split', axis, x.rank);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== x.shape[resolved] || !sizes.every((size) => Number.isInteger(size) && size >= 0)) {
    throw new ToolError('shape', {
      op: 'split',
      expected: `sizes that add up to ${x.shape[resolved]}, axis ${resolved} of ${formatShape(x.shape)}`,
      got: formatShape(sizes),
    });
  }
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return slice(x, resolved, start - size, start);
  });
}

/** `count` consecutive parts along an axis; the first ones are one larger where the size does not divide. Views. */
export function chunk(x: Tensor, count: number, axis = 0): Tensor[] {
  const dim = x.shape[normalizeAxis('chunk', axis, x.rank)]!;
  if (!Number.isInteger(count) || count < 1) {
    throw new ToolError('shape', { op: 'chunk', expected: 'one part or more', got: String(count) });
  }
  const sizes = Array.from({ length: count }, (_, part) => Math.floor(dim / count) + (part < dim % count ? 1 : 0));
  return split(x, sizes, axis);
}

/** The parts of size 1 along an axis, without it. Views. */
export function unbind(x: Tensor, axis = 0): Tensor[] {
  const resolved = normalizeAxis('unbind', axis, x.rank);
  return Array.from({ length: x.shape[resolved]! }, (_, index) => select(x, resolved, index));
}
