import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DType } from '../../src/dtype.ts';
import type { AdapterClass } from '../../src/gpu/adapter.ts';
import type { Device } from '../../src/gpu/device.ts';
import type { LaunchPlan } from '../../src/gpu/launch-plan.ts';
import { chooseRowLayout } from '../../src/kernels/lib/row-reduce.wgsl.ts';
import { stridedRows } from '../../src/kernels/lib/strided-rows.wgsl.ts';
import { planLogProbsUpdate } from '../../src/kernels/linear-log-probs.wgsl.ts';
import { planReduce, type ReduceLayout } from '../../src/kernels/reduce.wgsl.ts';
import type { Reduction } from '../../src/kernels/reduce-folds.ts';
import { planRmsNorm, planRmsNormGradient } from '../../src/kernels/rms-norm.wgsl.ts';
import { planSoftmax } from '../../src/kernels/softmax.wgsl.ts';
import { openDevice } from '../../src/node.ts';
import type { AnyOpDef } from '../../src/op.ts';
import { argmax, argmaxOp, argmin, argminOp } from '../../src/ops/arg-reduce.ts';
import { cumprod, cumsum } from '../../src/ops/cumulative.ts';
import { launchElementwise } from '../../src/ops/launch-elementwise.ts';
import { launchPlan } from '../../src/ops/launch-plan.ts';
import { reducedSize } from '../../src/ops/launch-reduce.ts';
import { read, readAll } from '../../src/ops/read.ts';
import { all, any, countNonzero, logSumExp, max, mean, min, norm, prod, reduceOps, sum } from '../../src/ops/reduce.ts';
import { indexArray, normalArray } from '../../src/ops/reference.ts';
import { rmsNormOp } from '../../src/ops/rms-norm.ts';
import { softmaxOp } from '../../src/ops/softmax.ts';
import { std, variance, varianceOp } from '../../src/ops/variance.ts';
import { expand, permute, reshape } from '../../src/ops/view.ts';
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
  { rows: 5, width: 33, adapterClass: 'cpu', lanes: 16 },
  { rows: 13, width: 7, adapterClass: 'gpu', lanes: 16 },
  { rows: 65, width: 32, adapterClass: 'gpu', lanes: 16 },
  { rows: 65, width: 33, adapterClass: 'gpu', lanes: 64 },
  { rows: 3, width: 1000, adapterClass: 'gpu', lanes: 64 },
  { rows: 3, width: 4500, adapterClass: 'gpu', lanes: 256 },
  { rows: 1, width: 4096, adapterClass: 'cpu', lanes: 16 },
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
      const source = toTensor(device, x);
      const spec = { rows: stridedRows(source, [1]), dtype: 'f32', width, inner: 1, log: false } as const;
      const [y] = await run(planSoftmax(spec, adapterClass), [source], [empty([rows, width])]);
      expect(worstError(y!, softmaxOp.reference([x], { axis: 1 })[0]!.data)).toBeLessThan(1e-5);
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
          planRmsNormGradient({ rows, width, input: true, extra: extra !== undefined, weight: false }, adapterClass),
          [inputs[0], r, toTensor(device, dy), inputs[1], ...(extra ? [toTensor(device, extra)] : [])],
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

/** Every way to share rows among threads, and the three ways to load. */
const REDUCE_LAYOUTS: readonly ReduceLayout[] = [
  { threads: { lanes: 1, rowsPerGroup: 16 }, splits: 3 },
  { threads: { lanes: 16, rowsPerGroup: 4 }, splits: 1 },
  { threads: { lanes: 64, rowsPerGroup: 2 }, splits: 2 },
];
const WALKS = [
  { name: 'rows one by one', shape: [7, 1001], axes: [1] },
  { name: 'rows of vec4s', shape: [9, 1200], axes: [1] },
  { name: 'columns of vec4s', shape: [300, 12], axes: [0] },
  { name: 'columns one by one', shape: [300, 7], axes: [0] },
] as const;

describe.each(WALKS)('$name', ({ shape, axes }) => {
  it.each(REDUCE_LAYOUTS)('are reduced by $threads.lanes lanes in $splits parts', async (layout) => {
    await scopeAsync(async () => {
      const plain = normalArray(8, shape, 2, 1);
      // A product of a thousand normal numbers would overflow.
      const nearOne = { ...plain, data: plain.data.map((v) => Math.fround(Math.sign(v) * Math.exp(0.01 * v))) };
      const attrs = { axes, keepDims: false };
      const size = reducedSize(shape, axes);
      for (const def of [...Object.values(reduceOps), argmaxOp, argminOp, varianceOp] as AnyOpDef[]) {
        const x = def.name === 'prod' ? nearOne : plain;
        const source = toTensor(device, x);
        const [spec] = def.infer([{ shape, dtype: 'f32' }], attrs);
        const out = Tensor.empty(device, spec!.shape, spec!.dtype, 'test/out');
        const plan = planReduce(
          {
            reduction: def.name as Reduction,
            rows: stridedRows(source, axes),
            dtype: 'f32',
            out: spec!.dtype,
            scale: 1 / size,
          },
          'gpu',
          // Four rows a thread are never shared.
          shape[1] === 12 ? { ...layout, threads: { lanes: 1, rowsPerGroup: 16 } } : layout,
        );
        const states = plan.parts && Tensor.empty(device, [plan.parts.words], 'u32', 'test/parts');
        launchPlan(plan.first, [source], [states ?? out]);
        if (plan.parts) launchPlan(plan.parts.second, [states!], [out]);
        const expected = def.reference([x], { ...attrs, correction: 0 })[0]!.data;
        expect(worstError(Float64Array.from(await read(out)), expected), def.name).toBeLessThan(1e-5);
      }
    });
  });
});

describe('a million values', () => {
  it('lose little to rounding, in one row and in a hundred', async () => {
    await scopeAsync(async () => {
      const x = normalArray(12, [1_000_000], 1, 3);
      const tensor = toTensor(device, x);
      const exact = x.data.reduce((a, b) => a + b, 0);
      const [total, average, spread, last] = await readAll([
        sum(tensor),
        mean(tensor),
        variance(tensor),
        cumsum(tensor),
      ]);
      expect(Math.abs(total![0]! - exact) / exact).toBeLessThan(1e-6);
      expect(Math.abs(average![0]! - exact / 1e6)).toBeLessThan(3e-6);
      const centre = exact / 1e6;
      expect(spread![0]!).toBeCloseTo(x.data.reduce((a, b) => a + (b - centre) ** 2, 0) / 1e6, 5);
      expect(Math.abs(last![999_999]! - exact) / exact).toBeLessThan(1e-5);
      // A thread of a CPU driver sums each of these rows alone.
      const rows = reshape(tensor, [100, 10_000]);
      const sums = await read(sum(rows, { axes: [1] }));
      for (let row = 0; row < 100; row++) {
        const wanted = x.data.subarray(row * 10_000, (row + 1) * 10_000).reduce((a, b) => a + b, 0);
        expect(Math.abs(sums[row]! - wanted) / wanted).toBeLessThan(1e-6);
      }
      const far = Tensor.from(device, new Float32Array(1_000_000).fill(4096.5), [1_000_000]);
      expect((await read(variance(far)))[0]).toBe(0);
    });
  }, 30_000);
});

describe('values that are no numbers', () => {
  const NAN = Number.NaN;
  const INF = Number.POSITIVE_INFINITY;
  const of = (values: readonly number[], dtype: DType = 'f32'): Tensor =>
    Tensor.from(device, values, [values.length], dtype);
  const values = async (...tensors: Tensor[]): Promise<number[]> =>
    (await readAll(tensors)).flatMap((v) => Array.from(v));

  it('go through every reduction as in NumPy', async () => {
    await scopeAsync(async () => {
      for (const at of [0, 3, 6]) {
        const x = of(Array.from({ length: 7 }, (_, i) => (i === at ? NAN : i)));
        expect(
          await values(sum(x), mean(x), prod(x), max(x), min(x), logSumExp(x), norm(x), variance(x), std(x)),
        ).toEqual(new Array(9).fill(NAN));
        expect(await values(argmax(x), argmin(x))).toEqual([at, at]);
        expect((await values(any(x), all(x), countNonzero(x))).map(Number)).toEqual([
          1,
          at === 0 ? 1 : 0,
          at === 0 ? 7 : 6,
        ]);
      }
      const infinite = of([1, -INF, INF, 2]);
      expect(await values(max(infinite), min(infinite), argmax(infinite), argmin(infinite))).toEqual([INF, -INF, 2, 1]);
      expect(await values(logSumExp(infinite), logSumExp(of([-INF, -INF])), logSumExp(of([-INF, 3])))).toEqual([
        INF,
        -INF,
        3,
      ]);
      expect(await values(max(of([-INF, -INF])), min(of([INF, INF])), max(of([-3e38, -1e38])))).toEqual([
        -INF,
        INF,
        Math.fround(-1e38),
      ]);
    });
  });

  it('include two zeros, which are equal', async () => {
    await scopeAsync(async () => {
      expect(await values(argmax(of([-0, 0])), argmax(of([0, -0])), argmin(of([0, -0])), argmin(of([-0, 0])))).toEqual([
        0, 0, 0, 0,
      ]);
      expect((await values(any(of([0, -0])), countNonzero(of([-0, 1])))).map(Number)).toEqual([0, 1]);
    });
  });

  it('leave nothing of nothing, but what adding or multiplying nothing gives', async () => {
    await scopeAsync(async () => {
      const none = Tensor.empty(device, [2, 0], 'f32', 'test/none');
      const rows = { axes: [1] };
      expect(await values(sum(none, rows), prod(none, rows), mean(none, rows), norm(none, rows))).toEqual([
        0,
        0,
        1,
        1,
        NAN,
        NAN,
        0,
        0,
      ]);
      expect((await values(any(none, rows), all(none, rows), countNonzero(none, rows))).map(Number)).toEqual([
        0, 0, 1, 1, 0, 0,
      ]);
      expect(await values(logSumExp(none), variance(none))).toEqual([-INF, NAN]);
      for (const refused of [max, min, argmax, argmin])
        expect(() => refused(none, rows)).toThrowError(/at least one element to reduce/);
      expect((await read(argmax(none, { axes: [0] }))).length).toBe(0);
      expect((await read(cumprod(none))).length).toBe(0);
    });
  });

  it('do not arise where the sample is as small as its correction', async () => {
    await scopeAsync(async () => {
      expect(await values(variance(of([5])), variance(of([5]), { correction: 1 }))).toEqual([0, NAN]);
    });
  });
});

describe('reductions of integers', () => {
  it('keep every bit, wrap, and count bools in i32', async () => {
    await scopeAsync(async () => {
      const big = Tensor.from(device, [16777217, 16777219, 2 ** 31 - 1], [3], 'i32');
      expect(Array.from(await read(sum(big)))).toEqual([(16777217 + 16777219 + 2 ** 31 - 1) | 0]);
      expect(Array.from(await read(max(big)))).toEqual([2 ** 31 - 1]);
      const unsigned = Tensor.from(device, [2 ** 32 - 1, 7, 2 ** 31], [3], 'u32');
      expect(Array.from(await read(max(unsigned)))).toEqual([2 ** 32 - 1]);
      expect(Array.from(await read(argmin(unsigned)))).toEqual([1]);
      expect(Array.from(await read(cumsum(unsigned)))).toEqual([2 ** 32 - 1, 6, 2 ** 31 + 6]);
      const truths = Tensor.from(device, [1, 0, 1, 1], [4], 'bool');
      const [count, share, largest] = [sum(truths), mean(truths), max(truths)];
      expect([count.dtype, share.dtype, largest.dtype]).toEqual(['i32', 'f32', 'bool']);
      expect(Array.from(await read(count))).toEqual([3]);
      expect(Array.from(await read(share))).toEqual([0.75]);
    });
  });
});

describe('a mean of f16', () => {
  it('is no victim of the range of the sum', async () => {
    await scopeAsync(async () => {
      const x = Tensor.from(device, new Array<number>(64).fill(60000), [64], 'f16');
      const average = mean(x);
      expect(average.dtype).toBe('f16');
      const [values] = await readAll([
        launchElementwise({ name: 'cast', expr: 'x0' }, [average], { shape: [], dtype: 'f32' }),
      ]);
      expect(values![0]).toBe(60000);
    });
  });
});

describe('reductions', () => {
  it('are one launch, also of strided and flipped views, and two of long rows', async () => {
    await scopeAsync(async () => {
      const x = toTensor(device, normalArray(8, [12, 10, 8]));
      const launches = (body: () => void): number => {
        const before = device.counters.dispatches;
        body();
        return device.counters.dispatches - before;
      };
      expect(launches(() => sum(permute(x, [2, 0, 1]), { axes: [1] }))).toBe(1);
      expect(launches(() => variance(expand(x, [3, 12, 10, 8]), { axes: [0, 2] }))).toBe(1);
      expect(launches(() => sum(Tensor.empty(device, [200_000], 'f32', 'test/long')))).toBe(2);
    });
  });

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
