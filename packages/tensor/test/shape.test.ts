import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forEachBroadcast } from '../src/ops/reference.ts';
import {
  broadcastShapes,
  collapseLoops,
  contiguousStrides,
  isContiguous,
  normalizeAxis,
  sameShape,
  sizeOf,
} from '../src/shape.ts';

const shapes = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 5 });

/** Offsets of all elements of a loop nest, in order. */
function offsets(dims: readonly number[], strides: readonly number[]): number[] {
  let found = [0];
  dims.forEach((dim, axis) => {
    found = found.flatMap((base) => Array.from({ length: dim }, (_, i) => base + i * strides[axis]!));
  });
  return found;
}

describe('collapseLoops', () => {
  it('walks the same elements of every operand in the same order, with no more dimensions', () => {
    const nests = shapes.chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.array(
          fc.oneof(
            // Dense, broadcast, permuted and arbitrary strides.
            fc.constant(contiguousStrides(shape)),
            fc
              .subarray([...shape.keys()])
              .map((axes) => contiguousStrides(shape).map((s, i) => (axes.includes(i) ? 0 : s))),
            fc.array(fc.nat(40), { minLength: shape.length, maxLength: shape.length }),
          ),
          { minLength: 1, maxLength: 3 },
        ),
      ),
    );
    fc.assert(
      fc.property(nests, ([shape, strides]) => {
        const nest = collapseLoops(shape, strides);
        expect(nest.dims.length).toBeLessThanOrEqual(shape.length);
        strides.forEach((own, i) => {
          expect(offsets(nest.dims, nest.strides[i]!)).toEqual(offsets(shape, own));
        });
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  it('makes one loop of contiguous operands and none of a scalar', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const { dims } = collapseLoops(shape, [contiguousStrides(shape), contiguousStrides(shape)]);
        if (sizeOf(shape) > 1) expect(dims).toEqual([sizeOf(shape)]);
        if (sizeOf(shape) === 1) expect(dims).toEqual([]);
      }),
      { numRuns: 200, seed: 6 },
    );
  });
});

describe('broadcastShapes', () => {
  /** Two shapes that broadcast to a third, by replacing some sizes by 1 and leaving out leading ones. */
  const pairs = shapes.chain((shape) => {
    const part = fc
      .tuple(fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), fc.nat(shape.length))
      .map(([ones, lead]) => shape.map((dim, i) => (ones[i] ? 1 : dim)).slice(lead));
    return fc.tuple(part, part);
  });

  it('is symmetric, keeps its operands and is the least such shape', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        const out = broadcastShapes('test', a, b);
        expect(broadcastShapes('test', b, a)).toEqual(out);
        expect(broadcastShapes('test', out, a)).toEqual(out);
        expect(broadcastShapes('test', a, a)).toEqual(a);
        expect(broadcastShapes('test', a, [])).toEqual(a);
        out.forEach((dim, axis) => {
          expect([a[axis - out.length + a.length] ?? 1, b[axis - out.length + b.length] ?? 1]).toContain(dim);
        });
      }),
      { numRuns: 300, seed: 7 },
    );
  });

  it('reaches every element of both operands, each in bounds', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        const out = broadcastShapes('test', a, b);
        const seen = [new Set<number>(), new Set<number>()];
        let count = 0;
        forEachBroadcast(out, [a, b], (_, [i, j]) => {
          count++;
          seen[0]!.add(i!);
          seen[1]!.add(j!);
        });
        expect(count).toBe(sizeOf(out));
        if (count > 0)
          expect(seen.map((s) => [s.size, Math.max(...s)])).toEqual([a, b].map((s) => [sizeOf(s), sizeOf(s) - 1]));
      }),
      { numRuns: 100, seed: 8 },
    );
  });

  it('refuses sizes that differ and are not 1', () => {
    expect(() => broadcastShapes('add', [2, 3], [2, 4])).toThrowError(/add: .* got \[2,3\] and \[2,4\]/);
    expect(() => broadcastShapes('add', [0], [2])).toThrowError(expect.objectContaining({ code: 'shape' }));
    expect(broadcastShapes('add', [0], [1])).toEqual([0]);
  });
});

describe('strides and axes', () => {
  it('of a contiguous shape visit 0, 1, 2, ...', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const strides = contiguousStrides(shape);
        expect(isContiguous(shape, strides)).toBe(true);
        expect(offsets(shape, strides)).toEqual(Array.from({ length: sizeOf(shape) }, (_, i) => i));
        expect(sameShape(shape, [...shape])).toBe(true);
        expect(sameShape(shape, [...shape, 1])).toBe(false);
      }),
      { numRuns: 200, seed: 9 },
    );
  });

  it('ignore the stride of a dimension of size 1, and are contiguous when empty', () => {
    expect(isContiguous([2, 1, 3], [3, 99, 1])).toBe(true);
    expect(isContiguous([2, 3], [4, 1])).toBe(false);
    expect(isContiguous([0, 3], [4, 7])).toBe(true);
    expect(isContiguous([3, 2], [0, 1])).toBe(false);
  });

  it('count from either end', () => {
    expect([normalizeAxis('t', -1, 3), normalizeAxis('t', 0, 3), normalizeAxis('t', 2, 3)]).toEqual([2, 0, 2]);
    for (const [axis, rank] of [
      [3, 3],
      [-4, 3],
      [0, 0],
      [0.5, 2],
      [Number.NaN, 2],
    ] as const)
      expect(() => normalizeAxis('t', axis, rank)).toThrowError(expect.objectContaining({ code: 'shape' }));
  });
});
