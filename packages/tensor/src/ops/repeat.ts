import { ToolError } from '../errors.ts';
import { normalizeAxis } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { concat } from './concat.ts';
import { slice } from './slice.ts';
import { expand, reshape, unsqueeze } from './view.ts';

function checkCount(op: string, count: number): void {
  if (!Number.isInteger(count) || count < 0) {
    throw new ToolError('shape', { op, expected: 'whole counts that are not negative', got: String(count) });
  }
}

/** Every element along an axis `count` times in a row, as NumPy's `repeat`. One copy. */
export function repeat(x: Tensor, count: number, axis: number): Tensor {
  checkCount('repeat', count);
  const resolved = normalizeAxis('repeat', axis, x.rank);
  const stretched = x.shape.flatMap((dim, i) => (i === resolved ? [dim, count] : [dim]));
  return reshape(
    expand(unsqueeze(x, resolved + 1), stretched),
    x.shape.map((dim, i) => (i === resolved ? dim * count : dim)),
  );
}

/** The whole tensor `counts[i]` times along axis i, as NumPy's `tile`; missing leading counts are 1. One copy. */
export function tile(x: Tensor, counts: readonly number[]): Tensor {
  for (const count of counts) checkCount('tile', count);
  const rank = Math.max(x.rank, counts.length);
  const shape = [...new Array<number>(rank - x.rank).fill(1), ...x.shape];
  const times = [...new Array<number>(rank - counts.length).fill(1), ...counts];
  const apart = reshape(
    x,
    shape.flatMap((dim) => [1, dim]),
  );
  return reshape(
    expand(
      apart,
      shape.flatMap((dim, axis) => [times[axis]!, dim]),
    ),
    shape.map((dim, axis) => dim * times[axis]!),
  );
}

/** The elements along an axis moved on by `shift` places; those that leave at one end come in at the other. */
export function roll(x: Tensor, shift: number, axis: number): Tensor {
  const resolved = normalizeAxis('roll', axis, x.rank);
  const dim = x.shape[resolved]!;
  if (!Number.isInteger(shift)) {
    throw new ToolError('shape', { op: 'roll', expected: 'a whole shift', got: String(shift) });
  }
  const moved = dim === 0 ? 0 : ((shift % dim) + dim) % dim;
  if (moved === 0) return x;
  return concat([slice(x, resolved, dim - moved, dim), slice(x, resolved, 0, dim - moved)], resolved);
}
