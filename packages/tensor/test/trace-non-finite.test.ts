import {
  add,
  compile,
  type Device,
  divide,
  exp,
  formatNonFinite,
  log,
  multiply,
  Tensor,
  traceNonFinite,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const matrix = (...values: number[]): Tensor => Tensor.from(device, values, [2, values.length / 2]);

describe('the hunt for the first value that is not finite', () => {
  it('names the op, the place, the value and the code that applied it', async () => {
    const report = await traceNonFinite(device, () => {
      const x = exp(matrix(1, 2, 3, 4));
      const y = log(add(x, matrix(0, 0, 0, -1000)));
      multiply(y, x);
    });
    expect(report).toMatchObject({ op: 'log', order: 2, output: 0, index: [1, 1], value: Number.NaN, shape: [2, 2] });
    expect(report!.inputs).toEqual([{ shape: [2, 2], dtype: 'f32', isFinite: true }]);
    expect(report!.callSite).toContain('trace-non-finite.test');
    expect(formatNonFinite(report!)).toMatch(/^log \(op 2\) gave NaN at \[1, 1\] of its output 0, \[2,2\]/);
  });

  it('tells infinities from NaN, and what an op made from what it was given', async () => {
    const overflow = await traceNonFinite(device, () => {
      exp(matrix(1, 100, 0, 0));
    });
    expect(overflow).toMatchObject({ op: 'exp', index: [0, 1], value: Number.POSITIVE_INFINITY });
    const given = await traceNonFinite(device, () => {
      divide(matrix(1, 2, 3, 4), matrix(1, 1, Number.NaN, 1));
    });
    expect(given!.inputs.map((input) => input.isFinite)).toEqual([true, false]);
    expect(formatNonFinite(given!)).toContain('not finite already');
  });

  it('finds nothing where all is finite, and leaves nothing behind', async () => {
    const before = device.memory.liveBuffers;
    expect(
      await traceNonFinite(device, () => {
        exp(matrix(1, 2, 3, 4));
      }),
    ).toBeUndefined();
    expect(device.memory.liveBuffers).toBe(before);
  });

  it('looks at 16-bit values too', async () => {
    const report = await traceNonFinite(device, () => {
      const x = Tensor.from(device, [60000, 1, 2], [3], 'f16');
      add(x, x);
    });
    expect(report).toMatchObject({ op: 'add', index: [0], value: Number.POSITIVE_INFINITY });
  });

  it('refuses a step that is being compiled', async () => {
    const x = matrix(1, 2);
    let hunt: Promise<unknown> = Promise.resolve();
    const step = compile(device, (y: Tensor) => {
      hunt = traceNonFinite(device, () => undefined);
      hunt.catch(() => undefined);
      return exp(y);
    });
    step(x).dispose();
    await expect(hunt).rejects.toThrowError(/without compile/);
    step.dispose();
    x.dispose();
  });
});
