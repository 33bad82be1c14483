import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DType } from '../../src/dtype.ts';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import type { RefArray } from '../../src/op.ts';
import { diagonal } from '../../src/ops/diagonal.ts';
import { elementAt, fromIndex } from '../../src/ops/index-reference.ts';
import { read, readAll } from '../../src/ops/read.ts';
import { refArray } from '../../src/ops/reference.ts';
import { flip, select, slice } from '../../src/ops/slice.ts';
import { chunk, split, unbind } from '../../src/ops/split.ts';
import { expand, permute, reshape, squeeze, transpose, unsqueeze } from '../../src/ops/view.ts';
import { scopeAsync } from '../../src/scope.ts';
import { contiguousStrides, type Shape, sizeOf, viewStrides } from '../../src/shape.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor } from '../../src/testing/compare.ts';
import { numbersOf } from '../../src/testing/round-to-dtype.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const DTYPES: readonly DType[] = ['f32', 'f16', 'bf16', 'i32', 'u32', 'bool'];

/** The numbers 0, 1, ... as far as a type can tell them apart. */
const counted = (shape: Shape, dtype: DType): RefArray =>
  refArray(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => (dtype === 'bool' ? ((i * i) % 3) & 1 : i % 256)),
    dtype,
  );

/** NumPy's `start:end:step` of a list, spelt out. */
function sliced(size: number, start: number | undefined, end: number | undefined, step: number): number[] {
  const from = (bound: number): number => (bound < 0 ? bound + size : bound);
  const found: number[] = [];
  if (step > 0) {
    const stop = end === undefined ? size : Math.min(size, from(end));
    for (let i = start === undefined ? 0 : Math.max(0, from(start)); i < stop; i += step) found.push(i);
  } else {
    const stop = end === undefined ? -1 : Math.max(-1, from(end));
    for (let i = start === undefined ? size - 1 : Math.min(size - 1, from(start)); i > stop; i += step) found.push(i);
  }
  return found;
}

/** One step of a chain: the view on the device, and the same on a host array by plain index arithmetic. */
interface Step {
  readonly tensor: Tensor;
  readonly model: RefArray;
}

type Move = (at: Step, numbers: readonly number[]) => Step;

const pick = (numbers: readonly number[], i: number, bound: number): number => (bound === 0 ? 0 : numbers[i]! % bound);

/** Moves that strides can always express. */
const VIEWS: Record<string, Move> = {
  permute: ({ tensor, model }, numbers) => {
    const axes = model.shape.map((_, axis) => axis);
    axes.sort((a, b) => numbers[a % 8]! - numbers[b % 8]!);
    return {
      tensor: permute(tensor, axes),
      model: fromIndex(
        axes.map((axis) => model.shape[axis]!),
        model.dtype,
        (index) =>
          elementAt(
            model,
            axes.map((_, axis) => index[axes.indexOf(axis)]!),
          ),
      ),
    };
  },
  slice: ({ tensor, model }, numbers) => {
    if (model.shape.length === 0) return { tensor, model };
    const axis = pick(numbers, 0, model.shape.length);
    const dim = model.shape[axis]!;
    const bound = (i: number): number | undefined =>
      numbers[i]! % 4 === 0 ? undefined : (numbers[i]! % (2 * dim + 5)) - dim - 2;
    const [start, end] = [bound(1), bound(2)];
    const step = [1, 1, 2, 3, -1, -2][pick(numbers, 3, 6)]!;
    const places = sliced(dim, start, end, step);
    return {
      tensor: slice(tensor, axis, start, end, step),
      model: fromIndex(
        model.shape.map((size, i) => (i === axis ? places.length : size)),
        model.dtype,
        (index) =>
          elementAt(
            model,
            index.map((at, i) => (i === axis ? places[at]! : at)),
          ),
      ),
    };
  },
  flip: ({ tensor, model }, numbers) => {
    const axes = model.shape.flatMap((_, axis) => (numbers[axis % 8]! % 2 === 0 ? [axis] : []));
    return {
      tensor: flip(tensor, axes),
      model: fromIndex(model.shape, model.dtype, (index) =>
        elementAt(
          model,
          index.map((at, axis) => (axes.includes(axis) ? model.shape[axis]! - 1 - at : at)),
        ),
      ),
    };
  },
  expand: ({ tensor, model }, numbers) => {
    const lead = sizeOf(model.shape) > 300 ? [] : [1 + pick(numbers, 0, 3)];
    const shape = [...lead, ...model.shape];
    return {
      tensor: expand(tensor, shape),
      model: fromIndex(shape, model.dtype, (index) => elementAt(model, index.slice(lead.length))),
    };
  },
  unsqueeze: ({ tensor, model }, numbers) => {
    const axis = pick(numbers, 0, model.shape.length + 1);
    const shape = [...model.shape];
    shape.splice(axis, 0, 1);
    return { tensor: unsqueeze(tensor, axis), model: { ...model, shape } };
  },
  squeeze: ({ tensor, model }) => ({
    tensor: squeeze(tensor),
    model: { ...model, shape: model.shape.filter((dim) => dim !== 1) },
  }),
  select: ({ tensor, model }, numbers) => {
    const axis = pick(numbers, 0, model.shape.length);
    const dim = model.shape[axis] ?? 0;
    if (dim === 0) return { tensor, model };
    const at = pick(numbers, 1, dim);
    return {
      tensor: select(tensor, axis, numbers[2]! % 2 === 0 ? at : at - dim),
      model: fromIndex(
        model.shape.filter((_, i) => i !== axis),
        model.dtype,
        (index) => elementAt(model, [...index.slice(0, axis), at, ...index.slice(axis)]),
      ),
    };
  },
  diagonal: ({ tensor, model }, numbers) => {
    if (model.shape.length < 2) return { tensor, model };
    const k = pick(numbers, 0, 5) - 2;
    const [rows, columns] = model.shape.slice(-2) as [number, number];
    const places: [number, number][] = [];
    for (let r = 0; r < rows; r++) if (r + k >= 0 && r + k < columns) places.push([r, r + k]);
    return {
      tensor: diagonal(tensor, k),
      model: fromIndex([...model.shape.slice(0, -2), places.length], model.dtype, (index) =>
        elementAt(model, [...index.slice(0, -1), ...places[index[index.length - 1]!]!]),
      ),
    };
  },
};

/** Moves that may copy. */
const MOVES: Record<string, Move> = {
  ...VIEWS,
  reshape: ({ tensor, model }, numbers) => {
    const size = sizeOf(model.shape);
    const dims = [2, 3, 4, 5, 7].filter((dim) => size % dim === 0);
    if (size === 0 || dims.length === 0) return { tensor, model };
    const dim = dims[pick(numbers, 0, dims.length)]!;
    const shape = numbers[1]! % 2 === 0 ? [dim, size / dim] : [size / dim, 1, dim];
    return { tensor: reshape(tensor, shape.with(0, -1)), model: { ...model, shape } };
  },
};

const chainOf = (moves: Record<string, Move>): fc.Arbitrary<[string, number[]][]> =>
  fc.array(fc.tuple(fc.constantFrom(...Object.keys(moves)), fc.array(fc.nat(1000), { minLength: 8, maxLength: 8 })), {
    minLength: 1,
    maxLength: 6,
  });

const shapes = fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 4 });

describe('random chains of views', () => {
  it('hold the elements that index arithmetic says, in every element type', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.constantFrom(...DTYPES), chainOf(MOVES), async (shape, dtype, chain) => {
        await scopeAsync(async () => {
          const model = counted(shape, dtype);
          let at: Step = { tensor: toTensor(device, model), model };
          for (const [name, numbers] of chain) at = MOVES[name]!(at, numbers);
          expect(at.tensor.shape).toEqual(at.model.shape);
          expect(Array.from(numbersOf(await read(at.tensor), dtype))).toEqual(Array.from(at.model.data));
        });
      }),
      { numRuns: 150, seed: 31 },
    );
  });

  it('are handles on one buffer, made without a launch', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, chainOf(VIEWS), async (shape, chain) => {
        await scopeAsync(async () => {
          const model = counted(shape, 'f32');
          const whole = toTensor(device, model);
          const { dispatches } = device.counters;
          let at: Step = { tensor: whole, model };
          for (const [name, numbers] of chain) at = VIEWS[name]!(at, numbers);
          expect(at.tensor.storage).toBe(whole.storage);
          expect(device.counters.dispatches).toBe(dispatches);
        });
      }),
      { numRuns: 100, seed: 32 },
    );
  });
});

describe('reshape', () => {
  it('is a view wherever the strides can be cut anew, and copies once where not', async () => {
    await scopeAsync(async () => {
      const x = toTensor(device, counted([4, 6, 8], 'f32'));
      const { dispatches } = device.counters;
      const views = [
        reshape(x, [24, 8]),
        reshape(slice(x, 2, 0, 4), [24, 4]),
        reshape(slice(x, 0, 0, undefined, 2), [2, 48]),
        reshape(transpose(x), [2, 2, 8, 3, 2]),
        reshape(flip(x), [24, 8]),
        reshape(expand(reshape(x, [192, 1]), [192, 5]), [4, 48, 5]),
      ];
      for (const view of views) expect(view.storage).toBe(x.storage);
      expect(device.counters.dispatches).toBe(dispatches);
      expect(reshape(transpose(x), [4, 48]).storage).not.toBe(x.storage);
      expect(device.counters.dispatches).toBe(dispatches + 1);
      expect((await read(views[2]!))[48]).toBe(counted([4, 6, 8], 'f32').data[96]);
    });
  });

  it('finds strides that visit the same elements in the same order', () => {
    const offsets = (shape: Shape, strides: readonly number[]): number[] =>
      Array.from(
        fromIndex(shape, undefined, (index) => index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0)).data,
      );
    const cases = shapes.chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.oneof(
          fc.constant(contiguousStrides(shape)),
          fc.constant(contiguousStrides(shape).map((stride, axis) => (axis === 0 ? stride * 2 : stride))),
          fc.array(fc.integer({ min: -20, max: 20 }), { minLength: shape.length, maxLength: shape.length }),
        ),
        fc.shuffledSubarray(shape, { minLength: shape.length }),
      ),
    );
    fc.assert(
      fc.property(cases, ([shape, strides, target]) => {
        const found = viewStrides(shape, strides, target);
        if (found !== undefined && !shape.includes(0)) expect(offsets(target, found)).toEqual(offsets(shape, strides));
        const own = viewStrides(shape, contiguousStrides(shape), target);
        if (!shape.includes(0)) expect(offsets(target, own!)).toEqual(offsets(shape, contiguousStrides(shape)));
      }),
      { numRuns: 300, seed: 33 },
    );
  });

  it('refuses two open sizes, and an open size beside 0', async () => {
    await scopeAsync(async () => {
      const x = toTensor(device, counted([0, 4], 'f32'));
      for (const bad of [() => reshape(x, [-1, -1]), () => reshape(x, [0, -1]), () => reshape(x, [3])])
        expect(bad).toThrowError(expect.objectContaining({ code: 'shape' }));
      expect(reshape(x, [7, 0]).shape).toEqual([7, 0]);
    });
  });
});

describe('split, chunk and unbind', () => {
  it('cut an axis into views', async () => {
    await scopeAsync(async () => {
      const x = toTensor(device, counted([2, 7], 'i32'));
      const { dispatches } = device.counters;
      const parts = [...split(x, [2, 0, 5], 1), ...chunk(x, 3, 1), ...unbind(x, 1)];
      for (const part of parts) expect(part.storage).toBe(x.storage);
      expect(device.counters.dispatches).toBe(dispatches);
      const values = (await readAll(parts)).map((part) => Array.from(part));
      expect(values.slice(0, 3)).toEqual([[0, 1, 7, 8], [], [2, 3, 4, 5, 6, 9, 10, 11, 12, 13]]);
      expect(values.slice(3, 6)).toEqual([
        [0, 1, 2, 7, 8, 9],
        [3, 4, 10, 11],
        [5, 6, 12, 13],
      ]);
      expect(values.slice(6)).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => [i, i + 7]));
    });
  });

  it('refuse sizes that do not add up, indices outside and axes that are not 1', async () => {
    await scopeAsync(async () => {
      const x = toTensor(device, counted([2, 7], 'f32'));
      for (const bad of [
        () => split(x, [3, 3], 1),
        () => split(x, [8, -1], 1),
        () => chunk(x, 0, 1),
        () => select(x, 1, 7),
        () => select(x, 1, -8),
        () => squeeze(x, [0]),
        () => unsqueeze(x, 4),
      ])
        expect(bad).toThrowError(expect.objectContaining({ code: 'shape' }));
    });
  });
});

describe('a copy of a view', () => {
  it('keeps the bits of 16-bit floats, NaN payloads and denormals included', async () => {
    await scopeAsync(async () => {
      const bits = Uint16Array.from(
        { length: 21 },
        (_, i) => [0x7e01, 0xfd55, 0x0001, 0x8000, 0x7c00, 0x3c00, 0x83ff][i % 7]!,
      );
      for (const dtype of ['f16', 'bf16'] as const) {
        const x = Tensor.from(device, bits, [3, 7], dtype);
        // Twice transposed through a copy: back where it was.
        const there = reshape(transpose(x), [21]);
        const back = reshape(transpose(reshape(there, [7, 3])), [21]);
        const words = await device.readElements({ ...back.binding(), size: 44 }, 'u32');
        expect(Array.from(new Uint16Array(words.buffer).subarray(0, 21))).toEqual(Array.from(bits));
      }
    });
  });
});
