import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DType, decodeBf16, decodeF16 } from '../../src/dtype.ts';
import type { Device } from '../../src/gpu/device.ts';
import { kernelDeclarations } from '../../src/gpu/kernel.ts';
import { type ElementwiseExpression, planElementwise } from '../../src/kernels/elementwise.wgsl.ts';
import { atWidth, functionsAt } from '../../src/kernels/elementwise-expression.ts';
import { openDevice } from '../../src/node.ts';
import { launchElementwise } from '../../src/ops/launch-elementwise.ts';
import { Scalar } from '../../src/scalar.ts';
import { scopeAsync } from '../../src/scope.ts';
import { contiguousStrides, type Shape, sizeOf } from '../../src/shape.ts';
import { Tensor } from '../../src/tensor.ts';
import { roundToDType } from '../../src/testing/round-to-dtype.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const DTYPES: readonly DType[] = ['f32', 'f16', 'bf16', 'i32', 'u32', 'bool'];

/** Small whole numbers that every type can hold, and sums of which 8 bits of fraction can hold. */
const valueAt = (i: number, dtype: DType): number => (dtype === 'bool' ? (i * 7 + 3) % 2 : ((i * 7) % 61) + 1);

/** The stored elements of a tensor as numbers, whatever `read` makes of them. */
async function numbers(x: Tensor): Promise<number[]> {
  const raw = (await device.readElements(x.binding(), x.dtype)).slice(0, x.size);
  const decode = x.dtype === 'f16' ? decodeF16 : x.dtype === 'bf16' ? decodeBf16 : (v: number): number => v;
  return Array.from(raw, decode);
}

/** A view over a buffer of `count` numbered elements, with the values that it shows. */
function numbered(
  dtype: DType,
  count: number,
  shape: Shape,
  strides: readonly number[] = contiguousStrides(shape),
  offset = 0,
): { tensor: Tensor; values: number[] } {
  const base = Tensor.from(
    device,
    Array.from({ length: count }, (_, i) => valueAt(i, dtype)),
    [count],
    dtype,
  );
  const own = contiguousStrides(shape);
  const values = Array.from({ length: sizeOf(shape) }, (_, i) =>
    valueAt(
      shape.reduce((at, dim, axis) => at + (Math.floor(i / own[axis]!) % dim) * strides[axis]!, offset),
      dtype,
    ),
  );
  return { tensor: base.view(shape, strides, offset), values };
}

const ADD: ElementwiseExpression = { name: 'test-add', expr: 'x0 + x1' };
const PICK: ElementwiseExpression = {
  name: 'test-pick',
  expr: 'select(x1, x2, x0)',
  compute: 'f32',
  operandTypes: { 0: 'bool' },
};

/** Layouts that meet every way to load: whole vectors, ragged ends, broadcasts, transposes, steps, backwards. */
const LAYOUTS: readonly (readonly [string, Shape, readonly number[] | undefined, number])[] = [
  ['rows of fours', [3, 8], undefined, 0],
  ['an odd count', [3, 7], undefined, 0],
  ['one element', [1], undefined, 0],
  ['no axis', [], undefined, 0],
  ['an odd offset', [12], undefined, 3],
  ['an even offset', [12], undefined, 2],
  ['an aligned offset', [12], undefined, 4],
  ['transposed', [5, 4], [1, 5], 1],
  ['every second', [4, 4], [8, 2], 1],
  ['padded rows', [4, 4], [6, 1], 1],
  ['aligned padded rows', [4, 4], [8, 1], 4],
  ['a stretched row', [3, 8], [0, 1], 0],
  ['a stretched column', [3, 8], [1, 0], 2],
  ['backwards', [9], [-1], 20],
  ['rows backwards', [3, 8], [-8, 1], 16],
  ['rank 4', [2, 3, 2, 2], [1, 2, 12, 6], 5],
];

describe.each(DTYPES)('operands of %s', (dtype) => {
  it.each(LAYOUTS)('are read and written in every layout: %s', async (_, shape, strides, offset) => {
    await scopeAsync(async () => {
      const a = numbered(dtype, 64, shape, strides, offset);
      const b = numbered(dtype, 64, shape);
      const expression: ElementwiseExpression = dtype === 'bool' ? { name: 'test-xor', expr: 'x0 != x1' } : ADD;
      const sum = launchElementwise(expression, [a.tensor, b.tensor], { shape, dtype });
      const combine = (x: number, y: number): number => (dtype === 'bool' ? Number(x !== y) : x + y);
      expect(await numbers(sum)).toEqual(a.values.map((value, i) => combine(value, b.values[i]!)));
    });
  });

  it.each(DTYPES)('are converted to %s', async (to) => {
    await scopeAsync(async () => {
      for (const count of [8, 7]) {
        const x = numbered(dtype, count, [count]);
        const cast = launchElementwise({ name: 'test-cast', expr: 'x0' }, [x.tensor], { shape: [count], dtype: to });
        expect(await numbers(cast)).toEqual(x.values.map((value) => roundToDType(value, to)));
      }
    });
  });
});

describe('an expression', () => {
  it('may mix types: a bool chooses between halves and floats', async () => {
    await scopeAsync(async () => {
      for (const shape of [
        [4, 8],
        [3, 5],
      ]) {
        const condition = numbered('bool', 40, shape);
        const a = numbered('f16', 40, shape);
        const b = numbered('f32', 40, shape, contiguousStrides(shape), 4);
        const picked = launchElementwise(PICK, [condition.tensor, a.tensor, b.tensor], { shape, dtype: 'bf16' });
        expect(await numbers(picked)).toEqual(condition.values.map((c, i) => (c ? b.values[i] : a.values[i])));
      }
    });
  });

  it('computes integers without a detour over floats, and wraps', async () => {
    await scopeAsync(async () => {
      const of = (values: number[], dtype: DType): Tensor => Tensor.from(device, values, [values.length], dtype);
      const i32 = launchElementwise(ADD, [of([2 ** 24, 2 ** 31 - 1, -1], 'i32'), of([1, 1, -1], 'i32')], {
        shape: [3],
        dtype: 'i32',
      });
      expect(await numbers(i32)).toEqual([2 ** 24 + 1, -(2 ** 31), -2]);
      const u32 = launchElementwise(ADD, [of([2 ** 32 - 2, 2 ** 32 - 1], 'u32'), of([1, 1], 'u32')], {
        shape: [2],
        dtype: 'u32',
      });
      expect(await numbers(u32)).toEqual([2 ** 32 - 1, 0]);
      const shifted = launchElementwise(
        { name: 'test-shift', expr: 'x0 + params.by', scalars: ['by'] },
        [of([1, 2], 'i32')],
        { shape: [2], dtype: 'i32' },
        [-(2 ** 24) - 1],
      );
      expect(await numbers(shifted)).toEqual([-(2 ** 24), 1 - 2 ** 24]);
    });
  });

  it('reads scalars when the launch is recorded', async () => {
    await scopeAsync(async () => {
      const scale = new Scalar(3);
      const x = Tensor.from(device, [1, 2, 3, 4], [4]);
      const { pipelines } = device.counters;
      const expression = { name: 'test-scale', expr: 'params.scale * x0', scalars: ['scale'] };
      const three = launchElementwise(expression, [x], x, [scale]);
      scale.value = 5;
      const five = launchElementwise(expression, [x], x, [scale]);
      expect(await numbers(three)).toEqual([3, 6, 9, 12]);
      expect(await numbers(five)).toEqual([5, 10, 15, 20]);
      expect(device.counters.pipelines).toBe(pipelines + 1);
    });
  });

  it('rounds sums of halves once, to the nearest even', async () => {
    await scopeAsync(async () => {
      const of = (dtype: DType, values: number[]): Tensor => Tensor.from(device, values, [values.length], dtype);
      // 2048 + 1 and 2048 + 3 lie half way between f16s.
      const f16 = launchElementwise(ADD, [of('f16', [2048, 2048, 65504]), of('f16', [1, 3, 65504])], {
        shape: [3],
        dtype: 'f16',
      });
      expect(await numbers(f16)).toEqual([2048, 2052, Number.POSITIVE_INFINITY]);
      const bf16 = launchElementwise(ADD, [of('bf16', [256, 256]), of('bf16', [1, 3])], { shape: [2], dtype: 'bf16' });
      expect(await numbers(bf16)).toEqual([256, 260]);
    });
  });
});

describe('the text of a kernel', () => {
  it('needs no f16 of the adapter', () => {
    const operand = { dtype: 'f16' as const, strides: [1], offset: 0 };
    const { kernel } = planElementwise(ADD, [operand, operand], { shape: [8], dtype: 'f16' });
    expect(kernel.enables).toBeUndefined();
    expect(kernelDeclarations(kernel)).toContain('in0: array<vec2<u32>>');
  });

  it('puts in types and scalar functions at either width, and each function once', () => {
    expect(atWidth('TU(1u) + T(x0) * TArray', 4)).toBe('vec4<u32>(1u) + vec4<f32>(x0) * TArray');
    expect(atWidth('EACH(f, x0) + T(1)', 1, 'i32')).toBe('f(x0) + i32(1)');
    expect(atWidth('EACH(f, x0)', 4)).toBe('vec4(f(x0.x), f(x0.y), f(x0.z), f(x0.w))');
    const f = 'fn f(x: f32) -> f32 { return x; }\n';
    const g = 'fn g(x: T) -> T { return EACH(f, x); }\n';
    expect(functionsAt(`${f}${g}${f}`, 1)).toBe(`${f}${g.replace('EACH(f, x)', 'f(x)').replaceAll('T', 'f32')}`);
  });
});
