import { type Device, launchMatmul, read, scopeAsync, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MatmulFusion } from '../../src/kernels/matmul-spec.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const FUSION: MatmulFusion = {
  expression: {
    name: 'test-gate',
    // Parameters of the expression may have the names of the matmul's own.
    expr: 'squared(x0) * x1 + params.alpha * x2 - params.n',
    functions: 'fn squared(x: T) -> T { return x * x; }',
    scalars: ['alpha', 'n'],
  },
  operands: ['matrix', 'row'],
  scalars: [0.5, 3],
  keepsSum: true,
};

describe('a fused expression', () => {
  it.each([
    [[6, 8, 12], []],
    [[5, 7, 3], []],
    [[9, 10, 4], [3]],
  ] as const)('sees the value of C, matrices and rows: %j, batch %j', async ([m, n, k], batch) => {
    const a = normalArray(1, [...batch, m, k]);
    const b = normalArray(2, [n, k]);
    const bias = normalArray(3, [n]);
    const gate = normalArray(4, [...batch, m, n]);
    const row = normalArray(5, [n]);
    const total = gate.data.length;
    const kept = new Float64Array(total);
    const expected = new Float64Array(total);
    for (let at = 0; at < total; at++) {
      const [i, j] = [Math.floor(at / n), at % n];
      let sum = bias.data[j]!;
      for (let inner = 0; inner < k; inner++) sum += -2 * a.data[i * k + inner]! * b.data[j * k + inner]!;
      kept[at] = sum;
      expected[at] = sum * sum * gate.data[at]! + 0.5 * row.data[j]! - 3;
    }
    await scopeAsync(async () => {
      const out = Tensor.empty(device, [...batch, m, n], 'f32', 'test');
      const keptOut = Tensor.empty(device, [...batch, m, n], 'f32', 'test');
      const [left, right, x1, x2, extra] = [a, b, gate, row, bias].map((array) => toTensor(device, array));
      const before = device.counters.dispatches;
      launchMatmul(out, left!, right!, {
        transA: false,
        transB: true,
        epilogue: 'bias',
        extra: extra!,
        alpha: -2,
        fused: { ...FUSION, tensors: [x1!, x2!], kept: keptOut },
      });
      expect(device.counters.dispatches - before).toBe(1);
      expect(worstError(await read(keptOut), kept)).toBeLessThan(1e-6);
      expect(worstError(await read(out), expected)).toBeLessThan(1e-6);
    });
  });

  it('changes a scalar without another kernel', async () => {
    await scopeAsync(async () => {
      const ones = Tensor.from(device, new Float32Array(16).fill(1), [4, 4]);
      const results: number[] = [];
      const pipelines: number[] = [];
      for (const scale of [2, 3]) {
        const out = Tensor.empty(device, [4, 4], 'f32', 'test');
        const expression = { name: 'test-scale', expr: 'params.scale * x0', scalars: ['scale'] };
        const fused = { expression, operands: [], scalars: [scale], tensors: [] };
        launchMatmul(out, ones, ones, { transA: false, transB: false, fused });
        results.push((await read(out))[5]!);
        pipelines.push(device.counters.pipelines);
      }
      expect(results).toEqual([8, 12]);
      expect(pipelines[1]).toBe(pipelines[0]);
    });
  });
});
