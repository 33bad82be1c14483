import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DType } from '../../src/dtype.ts';
import type { Device } from '../../src/gpu/device.ts';
import { stridedRows } from '../../src/kernels/lib/strided-rows.wgsl.ts';
import { planSort } from '../../src/kernels/sort.wgsl.ts';
import { openDevice } from '../../src/node.ts';
import { read, readAll } from '../../src/ops/read.ts';
import { normalArray } from '../../src/ops/reference.ts';
import { argsort, sort, sortOp, topK } from '../../src/ops/sort.ts';
import { permute } from '../../src/ops/view.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor } from '../../src/testing/compare.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const INF = Number.POSITIVE_INFINITY;
const NAN = Number.NaN;
const of = (values: readonly number[], dtype: DType = 'f32'): Tensor =>
  Tensor.from(device, values, [values.length], dtype);
const values = async (...tensors: Tensor[]): Promise<number[][]> =>
  (await readAll(tensors)).map((found) => Array.from(found, Number));

describe('sort', () => {
  it('is stable, keeps the sign of zeros and puts NaN last in both directions', async () => {
    await scopeAsync(async () => {
      const x = of([3, NAN, -0, 1, 0, -INF, 1, INF, -NAN, -1]);
      const up = sort(x);
      const down = sort(x, { descending: true });
      const [a, i, b, j] = await values(up.values, up.indices, down.values, down.indices);
      expect(a).toEqual([-INF, -1, -0, 0, 1, 1, 3, INF, NAN, NAN]);
      expect(i).toEqual([5, 9, 2, 4, 3, 6, 0, 7, 1, 8]);
      expect(b).toEqual([INF, 3, 1, 1, -0, 0, -1, -INF, NAN, NAN]);
      expect(j).toEqual([7, 0, 3, 6, 2, 4, 9, 5, 1, 8]);
    });
  });

  it('orders integers by all their bits, and bools', async () => {
    await scopeAsync(async () => {
      const signed = of([5, -(2 ** 31), 2 ** 31 - 1, -1, 16777217, 16777216], 'i32');
      const unsigned = of([5, 2 ** 32 - 1, 2 ** 31, 0], 'u32');
      const truths = of([1, 0, 1, 0], 'bool');
      const [a, b, c, d] = await values(
        sort(signed).values,
        sort(unsigned, { descending: true }).values,
        sort(truths).values,
        argsort(truths),
      );
      expect(a).toEqual([-(2 ** 31), -1, 5, 16777216, 16777217, 2 ** 31 - 1]);
      expect(b).toEqual([2 ** 32 - 1, 2 ** 31, 5, 0]);
      expect([c, d]).toEqual([
        [0, 0, 1, 1],
        [1, 3, 0, 2],
      ]);
    });
  });

  it('sorts a hundred thousand values with many ties as the host does', async () => {
    await scopeAsync(async () => {
      const x = normalArray(1, [100_000]).data.map((v) => Math.round(50 * v) / 50);
      const sorted = sort(Tensor.from(device, Float32Array.from(x), [100_000]));
      const [found, indices] = await readAll([sorted.values, sorted.indices]);
      const order = Uint32Array.from(x.keys()).sort((a, b) => x[a]! - x[b]! || a - b);
      expect(indices).toEqual(order);
      expect(found).toEqual(Float32Array.from(order, (i) => x[i]!));
    });
  });

  it.each([2, 8, 64, 256, 1024])('gives the same in blocks of %d', async (largest) => {
    await scopeAsync(async () => {
      const x = normalArray(2, [3, 300]);
      const source = toTensor(device, x);
      for (const k of [300, 5, 1]) {
        const spec = {
          rows: stridedRows(source, [1]),
          dtype: 'f32',
          width: 300,
          inner: 1,
          descending: true,
          k,
        } as const;
        const results = ['f32', 'u32'].map((dtype) => Tensor.empty(device, [3, k], dtype as DType, 'test/out'));
        let pairs: Tensor | undefined;
        for (const step of planSort(spec, 'gpu', largest)) {
          const out =
            step.pairs === undefined ? results : [Tensor.empty(device, [2 * step.pairs], 'u32', 'test/pairs')];
          const inputs = [...(step.readsSource ? [source] : []), ...(step.readsPairs ? [pairs!] : [])];
          const { kernel, params, workgroups } = step.launch;
          device.dispatch(
            kernel,
            [...inputs, ...out].map((t) => t.binding()),
            params,
            workgroups,
          );
          pairs = out[0];
        }
        const [a, i] = await readAll(results);
        const expected = sortOp.reference([x], { axis: 1, k, descending: true });
        expect(Array.from(a!)).toEqual(Array.from(expected[0]!.data));
        expect(Array.from(i!)).toEqual(Array.from(expected[1]!.data));
      }
    });
  });

  it('is one launch for short rows, along any axis of any view', async () => {
    await scopeAsync(async () => {
      const x = toTensor(device, normalArray(3, [6, 40, 5]));
      const before = device.counters.dispatches;
      const moved = sort(permute(x, [2, 0, 1]), { axis: 2 });
      expect(device.counters.dispatches - before).toBe(1);
      expect(await read(permute(moved.values, [1, 2, 0]))).toEqual(await read(sort(x, { axis: 1 }).values));
    });
  });
});

describe('topK', () => {
  it('is the front of a sort, smallest or largest', async () => {
    await scopeAsync(async () => {
      const x = of([1, 5, NAN, 5, 2, -INF, 9]);
      const [large, small] = [topK(x, 3), topK(x, 3, { smallest: true })];
      const [a, i, b, j, all] = await values(
        large.values,
        large.indices,
        small.values,
        small.indices,
        topK(x, 7).indices,
      );
      expect([a, i]).toEqual([
        [9, 5, 5],
        [6, 1, 3],
      ]);
      expect([b, j]).toEqual([
        [-INF, 1, 2],
        [5, 0, 4],
      ]);
      expect(all).toEqual([6, 1, 3, 4, 0, 5, 2]);
    });
  });
});
