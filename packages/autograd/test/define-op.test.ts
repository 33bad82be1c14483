import { grad, Tape } from '@dawngrad/autograd';
import {
  applyOp,
  compile,
  type Device,
  defineOp,
  exp,
  type OpDefinition,
  read,
  Scalar,
  scope,
  scopeAsync,
  sum,
  Tensor,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const of = (values: readonly number[]): Tensor => Tensor.from(device, values, [values.length]);
const base = { name: 'test', doc: 'a test' };
const elementwise = { expr: 'x0 + x1' };

describe('defineOp', () => {
  it.each<[string, OpDefinition<undefined>, RegExp]>([
    ['a name', { ...base, name: 'two words', elementwise, nonDifferentiable: '-' }, /a name of letters/],
    ['a form', { ...base, nonDifferentiable: '-' }, /test with one of elementwise, launch and compose, got 0/],
    ['one form', { ...base, elementwise, compose: ([x]) => x!, nonDifferentiable: '-' }, /got 2 of them/],
    ['a gradient or a reason', { ...base, elementwise }, /test with a gradient, or `nonDifferentiable`.*got neither/],
    ['not both', { ...base, elementwise, nonDifferentiable: '-', gradient: { apply: () => [] } }, /got both/],
    ['a shape rule', { ...base, compose: ([x]) => x! }, /test with a rule of shapes, got none/],
  ])('asks for %s', (_, definition, message) => {
    expect(() => defineOp(definition)).toThrowError(message);
    expect(() => defineOp(definition)).toThrowError(expect.objectContaining({ code: 'usage' }));
  });

  it('broadcasts expressions, and refuses what does not broadcast by the name of the op', async () => {
    await scopeAsync(async () => {
      const op = defineOp<undefined>({ ...base, elementwise, nonDifferentiable: 'not needed' });
      const column = Tensor.from(device, [10, 20], [2, 1]);
      expect(Array.from(await read(applyOp(op, [of([1, 2, 3]), column], undefined)[0]!))).toEqual([
        11, 12, 13, 21, 22, 23,
      ]);
      expect(() => applyOp(op, [of([1, 2]), of([1, 2, 3])], undefined)).toThrowError(/^test: expected/);
      expect(() => applyOp(op, [of([1]), Tensor.from(device, [1], [1], 'u32')], undefined)).toThrowError(
        /^test: expected f32 as input 1, got u32/,
      );
    });
  });

  it('keeps kernels of one name apart that compute different things', async () => {
    await scopeAsync(async () => {
      const results = await Promise.all(
        ['x0 + x1', 'x0 * x1'].map((expr) => {
          const op = defineOp<undefined>({ ...base, elementwise: { expr }, nonDifferentiable: 'not needed' });
          return read(applyOp(op, [of([3]), of([4])], undefined)[0]!);
        }),
      );
      expect(results.map((values) => values[0])).toEqual([7, 12]);
    });
  });

  it('reads scalars anew at each replay of a compiled step', async () => {
    const op = defineOp<{ by: Scalar }>({
      ...base,
      elementwise: { expr: 'x0 * T(params.by)', scalars: ({ by }) => ({ by }) },
      nonDifferentiable: 'not needed',
    });
    const by = new Scalar(2);
    const step = compile(device, (x: Tensor) => applyOp(op, [x], { by })[0]!);
    const x = of([5]);
    for (const value of [2, 3]) {
      by.value = value;
      const y = step(x);
      expect((await read(y))[0]).toBe(5 * value);
      y.dispose();
    }
    x.dispose();
    step.dispose();
  });

  it('shows a tape the parts of a composition, or the whole where it has a gradient', async () => {
    await scopeAsync(async () => {
      const rule = {
        ...base,
        infer: ([x]: readonly { shape: readonly number[] }[]) => [{ shape: x!.shape, dtype: 'f32' as const }],
      };
      const parts = defineOp<undefined>({ ...rule, compose: ([x]) => exp(exp(x!)) });
      const whole = defineOp<undefined>({
        ...rule,
        compose: ([x]) => exp(exp(x!)),
        gradient: { apply: ({ dy }) => [dy[0]!] },
      });
      const x = of([0.5]);
      const lengths = [parts, whole].map((op) => {
        const tape = new Tape();
        tape.watch(x);
        tape.record(() => applyOp(op, [x], undefined));
        return tape.length;
      });
      expect(lengths).toEqual([2, 1]);
      const slopes = [parts, whole].map((op) => grad(() => sum(applyOp(op, [x], undefined)[0]!), [x]).gradients[0]!);
      expect((await read(slopes[0]!))[0]).toBeCloseTo(Math.exp(Math.exp(0.5)) * Math.exp(0.5), 4);
      expect((await read(slopes[1]!))[0]).toBe(1);
    });
  });

  it('refuses a composition that does not keep to its rule of shapes', () => {
    scope(() => {
      const op = defineOp<undefined>({
        ...base,
        infer: () => [{ shape: [3], dtype: 'f32' }],
        compose: ([x]) => exp(x!),
      });
      expect(() => applyOp(op, [of([1, 2])], undefined)).toThrowError(
        /^test: expected output 0 of f32 \[3\], as its shape rule says, got f32 \[2\]/,
      );
      expect(() => op.reference([], undefined)).toThrowError(/one defined without/);
    });
  });
});
