import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdapterClass } from '../../src/gpu/adapter.ts';
import type { Device } from '../../src/gpu/device.ts';
import {
  layerNormParts,
  planLayerNorm,
  planLayerNormGradient,
  planLayerNormTotals,
} from '../../src/kernels/layer-norm.wgsl.ts';
import { openDevice } from '../../src/node.ts';
import { cast } from '../../src/ops/cast.ts';
import { launchPlan } from '../../src/ops/launch-plan.ts';
import { layerNorm, layerNormOp } from '../../src/ops/layer-norm.ts';
import { read, readAll } from '../../src/ops/read.ts';
import { normalArray } from '../../src/ops/reference.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor, worstError } from '../../src/testing/compare.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const EPS = 1e-5;

/** Float64 gradients: dx = r (g - mean(g) - h mean(g h)) with h = (x - mean) r and g = dy gain. */
function gradients(x: Float64Array, gain: Float64Array, dy: Float64Array): Float64Array[] {
  const width = gain.length;
  const dx = new Float64Array(x.length);
  const dGain = new Float64Array(width);
  const dBias = new Float64Array(width);
  for (let base = 0; base < x.length; base += width) {
    const row = x.subarray(base, base + width);
    const centre = row.reduce((a, v) => a + v, 0) / width;
    const r = 1 / Math.sqrt(row.reduce((a, v) => a + (v - centre) ** 2, 0) / width + EPS);
    const h = row.map((v) => (v - centre) * r);
    const g = gain.map((w, j) => w * dy[base + j]!);
    const offset = g.reduce((a, v) => a + v, 0) / width;
    const slope = g.reduce((a, v, j) => a + v * h[j]!, 0) / width;
    for (let j = 0; j < width; j++) {
      dx[base + j] = r * (g[j]! - offset - h[j]! * slope);
      dGain[j]! += dy[base + j]! * h[j]!;
      dBias[j]! += dy[base + j]!;
    }
  }
  return [dx, dGain, dBias];
}

/** Every row layout, vec4s and single columns, one part and many, parts that do not divide the rows. */
const CASES: readonly { rows: number; width: number; adapterClass: AdapterClass }[] = [
  { rows: 100, width: 64, adapterClass: 'cpu' },
  { rows: 3000, width: 20, adapterClass: 'cpu' },
  { rows: 77, width: 13, adapterClass: 'cpu' },
  { rows: 5, width: 36, adapterClass: 'cpu' },
  { rows: 13, width: 7, adapterClass: 'gpu' },
  { rows: 65, width: 32, adapterClass: 'gpu' },
  { rows: 1100, width: 100, adapterClass: 'gpu' },
  { rows: 3, width: 4500, adapterClass: 'gpu' },
];

describe.each(CASES)('the layer norm of $rows rows of $width on a $adapterClass', ({ rows, width, adapterClass }) => {
  const x = normalArray(1, [rows, width], 2, 0.5);
  const gain = normalArray(2, [width], 0.3, 1);
  const bias = normalArray(3, [width]);
  const dy = normalArray(4, [rows, width]);

  it('agrees with float64, forward and backward, with and without what is there already', async () => {
    await scopeAsync(async () => {
      const empty = (...shape: number[]): Tensor => Tensor.empty(device, shape, 'f32', 'test/out');
      const [tx, tGain, tBias, tDy] = [x, gain, bias, dy].map((array) => toTensor(device, array)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const [y, mean, r] = [empty(rows, width), empty(rows), empty(rows)];
      launchPlan(planLayerNorm(rows, width, EPS, adapterClass), [tx, tGain, tBias], [y, mean, r]);
      const expected = layerNormOp.reference([x, gain, bias], { eps: EPS });
      const found = await readAll([y, mean, r]);
      found.forEach((values, i) => {
        expect(worstError(values, expected[i]!.data)).toBeLessThan(1e-5);
      });

      const [dx, dGain, dBias] = gradients(x.data, gain.data, dy.data);
      const parts = layerNormParts(rows, width, adapterClass);
      expect(parts).toBeLessThanOrEqual(128);
      for (const extra of [undefined, normalArray(5, [rows, width])]) {
        const [out, sums] = [empty(rows, width), empty(parts, 2, width)];
        launchPlan(
          planLayerNormGradient({ rows, width, input: true, extra: extra !== undefined, affine: true }, adapterClass),
          [tx, mean, r, tDy, tGain, ...(extra ? [toTensor(device, extra)] : [])],
          [out, sums],
        );
        const before = normalArray(6, [width]);
        const [byGain, byBias] = [toTensor(device, before), empty(width)];
        launchPlan(planLayerNormTotals(parts, width, { keepGain: true, keepBias: false }), [sums], [byGain, byBias]);
        const [a, b, c] = await readAll([out, byGain, byBias]);
        expect(
          worstError(
            a!,
            dx!.map((v, i) => v + (extra?.data[i] ?? 0)),
          ),
        ).toBeLessThan(1e-5);
        expect(
          worstError(
            b!,
            dGain!.map((v, i) => v + before.data[i]!),
          ),
        ).toBeLessThan(1e-5);
        expect(worstError(c!, dBias!)).toBeLessThan(1e-5);
      }
    });
  });
});

describe('a layer norm', () => {
  it('is one launch, and poisons only the row of a NaN', async () => {
    await scopeAsync(async () => {
      const x = Tensor.from(device, new Float32Array([1, Number.NaN, 3, 4, 1, 2, 3, 4]), [2, 4]);
      const one = Tensor.from(device, [1, 1, 1, 1], [4]);
      const before = device.counters.dispatches;
      const y = layerNorm(x, one, one, EPS);
      expect(device.counters.dispatches - before).toBe(1);
      const values = Array.from(await read(y));
      expect(values.slice(0, 4).every(Number.isNaN)).toBe(true);
      expect(values.slice(4).every(Number.isFinite)).toBe(true);
    });
  });

  it('of 16-bit rows is that of their values, rounded once', async () => {
    await scopeAsync(async () => {
      const values = Array.from(normalArray(7, [3 * 8]).data, (v) => Math.round(16 * v) / 16);
      const one = Tensor.from(device, new Array<number>(8).fill(1), [8]);
      const y = layerNorm(Tensor.from(device, values, [3, 8], 'bf16'), one, one, EPS);
      expect(y.dtype).toBe('bf16');
      const expected = await read(cast(layerNorm(Tensor.from(device, values, [3, 8]), one, one, EPS), 'bf16'));
      expect(await read(y)).toEqual(expected);
    });
  });

  it('of equal values is the bias', async () => {
    await scopeAsync(async () => {
      const x = Tensor.from(device, new Array<number>(12).fill(7.25), [3, 4]);
      const y = layerNorm(x, Tensor.from(device, [1, 2, 3, 4], [4]), Tensor.from(device, [5, 6, 7, 8], [4]), EPS);
      expect(Array.from(await read(y))).toEqual([5, 6, 7, 8, 5, 6, 7, 8, 5, 6, 7, 8]);
    });
  });
});
