import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdapterClass } from '../../src/gpu/adapter.ts';
import type { Device } from '../../src/gpu/device.ts';
import type { LaunchPlan } from '../../src/gpu/launch-plan.ts';
import { chooseRowLayout } from '../../src/kernels/lib/row-reduce.wgsl.ts';
import { planLogProbsUpdate } from '../../src/kernels/linear-log-probs.wgsl.ts';
import { planReduce } from '../../src/kernels/reduce.wgsl.ts';
import { planRmsNorm, planRmsNormInputGradient } from '../../src/kernels/rms-norm.wgsl.ts';
import { planSoftmax } from '../../src/kernels/softmax.wgsl.ts';
import { openDevice } from '../../src/node.ts';
import { launchPlan } from '../../src/ops/launch-plan.ts';
import { read, readAll } from '../../src/ops/read.ts';
import { max, mean, min, sum } from '../../src/ops/reduce.ts';
import { indexArray, normalArray } from '../../src/ops/reference.ts';
import { rmsNormOp } from '../../src/ops/rms-norm.ts';
import { softmaxOp } from '../../src/ops/softmax.ts';
import { expand, permute } from '../../src/ops/view.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor, worstError } from '../../src/testing/compare.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe('long sums', () => {
  it('of a million ones are a million', async () => {
    await scopeAsync(async () => {
      const ones = Tensor.from(device, new Float32Array(1_000_000).fill(1), [1_000_000]);
      expect(Array.from(await read(sum(ones)))).toEqual([1_000_000]);
      expect(Array.from(await read(mean(ones)))).toEqual([1]);
      expect(Array.from(await read(sum(expand(Tensor.from(device, [1], [1]), [1_000_000]))))).toEqual([1_000_000]);
    });
  });

  it('are within 1e-6 sqrt(n) of float64, relative to the typical size of such a sum', async () => {
    await scopeAsync(async () => {
      for (const [rows, width] of [
        [1, 70_000],
        [3, 9_000],
        [300, 513],
      ] as const) {
        const x = normalArray(rows, [rows, width]);
        const actual = await read(sum(toTensor(device, x), { axes: [1] }));
        for (let row = 0; row < rows; row++) {
          const expected = x.data.subarray(row * width, (row + 1) * width).reduce((a, b) => a + b, 0);
          expect(Math.abs(actual[row]! - expected)).toBeLessThan(1e-6 * Math.sqrt(width) * Math.sqrt(width));
        }
      }
    });
  });

  it('over any axes of strided views of rank 6 agree with the plain one', async () => {
    await scopeAsync(async () => {
      const x = toTensor(device, normalArray(4, [2, 3, 2, 3, 2, 3]));
      const total = (await read(sum(x)))[0]!;
      for (const axes of [[0, 2, 4], [1, 3, 5], [0, 5], [2]]) {
        for (const view of [x, permute(x, [5, 0, 4, 1, 3, 2])]) {
          const part = sum(view, { axes });
          expect(part.rank).toBe(6 - axes.length);
          expect((await read(sum(part)))[0]).toBeCloseTo(total, 4);
        }
      }
    });
  });
});

/** One shape for every layout: how many lanes share a row depends on rows, width and the kind of adapter. */
const LAYOUTS: readonly { rows: number; width: number; adapterClass: AdapterClass; lanes: number }[] = [
  { rows: 65, width: 33, adapterClass: 'cpu', lanes: 1 },
  { rows: 64, width: 900, adapterClass: 'cpu', lanes: 1 },
  { rows: 5, width: 33, adapterClass: 'cpu', lanes: 64 },
  { rows: 13, width: 7, adapterClass: 'gpu', lanes: 16 },
  { rows: 65, width: 32, adapterClass: 'gpu', lanes: 16 },
  { rows: 65, width: 33, adapterClass: 'gpu', lanes: 64 },
  { rows: 3, width: 1000, adapterClass: 'gpu', lanes: 64 },
  { rows: 3, width: 4500, adapterClass: 'gpu', lanes: 256 },
  { rows: 1, width: 4096, adapterClass: 'cpu', lanes: 256 },
];

describe.each(LAYOUTS)('$rows rows of $width on a $adapterClass', ({ rows, width, adapterClass, lanes }) => {
  const x = normalArray(width, [rows, width], 3);
  const run = async (plan: LaunchPlan, inputs: Tensor[], outputs: Tensor[]): Promise<Float64Array[]> => {
    launchPlan(plan, inputs, outputs);
    return (await readAll(outputs)).map((values) => Float64Array.from(values));
  };
  const empty = (shape: readonly number[]): Tensor => Tensor.empty(device, shape, 'f32', 'test/out');

  it(`are shared by ${lanes} lanes each`, () => {
    expect(chooseRowLayout(rows, width, adapterClass).lanes).toBe(lanes);
  });

  it('give the softmax of the reference', async () => {
    await scopeAsync(async () => {
      const [y] = await run(
        planSoftmax(rows, width, false, adapterClass),
        [toTensor(device, x)],
        [empty([rows, width])],
      );
      expect(worstError(y!, softmaxOp.reference([x], undefined)[0]!.data)).toBeLessThan(1e-5);
    });
  });

  it('give the norm of the reference, and its gradient by the input', async () => {
    await scopeAsync(async () => {
      const w = normalArray(2, [width]);
      const [expected, inverse] = rmsNormOp.reference([x, w], { eps: 1e-5 });
      const inputs = [toTensor(device, x), toTensor(device, w)] as const;
      const [y, r] = [empty([rows, width]), empty([rows])];
      const found = await run(planRmsNorm(rows, width, 1e-5, adapterClass), [...inputs], [y, r]);
      expect(worstError(found[0]!, expected!.data)).toBeLessThan(1e-5);
      expect(worstError(found[1]!, inverse!.data)).toBeLessThan(1e-5);
      const dy = normalArray(3, [rows, width]);
      for (const extra of [undefined, normalArray(4, [rows, width])]) {
        const [dx] = await run(
          planRmsNormInputGradient(rows, width, extra !== undefined, adapterClass),
          [...inputs, r, toTensor(device, dy), ...(extra ? [toTensor(device, extra)] : [])],
          [empty([rows, width])],
        );
        const wanted = new Float64Array(rows * width);
        for (let row = 0; row < rows; row++) {
          const scale = inverse!.data[row]!;
          let projection = 0;
          for (let j = 0; j < width; j++)
            projection += w.data[j]! * dy.data[row * width + j]! * x.data[row * width + j]!;
          for (let j = 0; j < width; j++) {
            const i = row * width + j;
            wanted[i] =
              scale * w.data[j]! * dy.data[i]! - (x.data[i]! * scale ** 3 * projection) / width + (extra?.data[i] ?? 0);
          }
        }
        expect(worstError(dx!, wanted)).toBeLessThan(1e-5);
      }
    });
  });

  it('give sum, maximum and minimum, in one part or several', async () => {
    await scopeAsync(async () => {
      const source = toTensor(device, x);
      const loops = {
        rowDims: [1, 1, rows],
        rowStrides: [0, 0, width],
        dims: [1, 1, width],
        strides: [0, 0, 1],
        offset: 0,
      } as const;
      const each = (fold: (row: Float64Array) => number): Float64Array =>
        Float64Array.from({ length: rows }, (_, row) => fold(x.data.subarray(row * width, (row + 1) * width)));
      for (const [name, fold] of [
        ['sum', (row: Float64Array) => row.reduce((a, b) => a + b, 0)],
        ['max', (row: Float64Array) => Math.max(...row)],
        ['min', (row: Float64Array) => Math.min(...row)],
      ] as const) {
        const [whole] = await run(planReduce(name, loops, 1, adapterClass), [source], [empty([rows])]);
        expect(worstError(whole!, each(fold)), name).toBeLessThan(1e-5);
        const [parts] = await run(planReduce(name, loops, 3, adapterClass), [source], [empty([3, rows])]);
        const joined = Float64Array.from({ length: rows }, (_, row) =>
          fold(Float64Array.from([0, 1, 2], (part) => parts![part * rows + row]!)),
        );
        expect(worstError(joined, each(fold)), `${name} in parts`).toBeLessThan(1e-5);
      }
    });
  });

  it('give log-probabilities and entropies, chunk after chunk', async () => {
    await scopeAsync(async () => {
      const targets = indexArray(6, [rows], width);
      const cut = Math.floor(width / 2);
      const part = (start: number, end: number): Tensor =>
        Tensor.from(
          device,
          Array.from({ length: rows }, (_, row) => [...x.data.subarray(row * width + start, row * width + end)]).flat(),
          [rows, end - start],
        );
      const [state, logp, entropy, lse] = [empty([3, rows]), empty([rows]), empty([rows]), empty([rows])];
      for (const [start, end] of [
        [0, cut],
        [cut, width],
      ] as const) {
        const chunk = { start, width: end - start, isFirst: start === 0, isLast: end === width };
        launchPlan(
          planLogProbsUpdate(rows, chunk, adapterClass),
          [part(start, end), toTensor(device, targets)],
          [state, logp, entropy, lse],
        );
      }
      const found = await readAll([logp, entropy, lse]);
      for (let row = 0; row < rows; row++) {
        const logits = x.data.subarray(row * width, (row + 1) * width);
        const total = Math.log(logits.reduce((a, l) => a + Math.exp(l), 0));
        const entropyOf = -logits.reduce((a, l) => a + Math.exp(l - total) * (l - total), 0);
        expect(found[0]![row]!).toBeCloseTo(logits[targets.data[row]!]! - total, 4);
        expect(found[1]![row]!).toBeCloseTo(entropyOf, 4);
        expect(found[2]![row]!).toBeCloseTo(total, 4);
      }
    });
  });
});

describe('reductions', () => {
  it('keep the rank on request and count axes from either end', async () => {
    await scopeAsync(async () => {
      const x = toTensor(device, normalArray(8, [2, 3, 4]));
      expect(sum(x, { axes: [-1], keepDims: true }).shape).toEqual([2, 3, 1]);
      expect(max(x, { axes: [0, -1] }).shape).toEqual([3]);
      expect(min(x).shape).toEqual([]);
      expect(() => sum(x, { axes: [3] })).toThrowError(expect.objectContaining({ code: 'shape' }));
      expect(Array.from(await read(sum(x, { axes: [-1, 0] })))).toEqual(
        Array.from(await read(sum(x, { axes: [0, 2] }))),
      );
    });
  });

  it('refuse an axis that is named twice', () => {
    const x = toTensor(device, normalArray(8, [2, 3]));
    expect(() => sum(x, { axes: [1, -1] })).toThrowError(expect.objectContaining({ code: 'shape' }));
    x.dispose();
  });
});
