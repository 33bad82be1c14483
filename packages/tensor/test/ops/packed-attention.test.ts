import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { applyOp, withObserver } from '../../src/op.ts';
import { attentionOp } from '../../src/ops/attention.ts';
import {
  launchAttentionGradient,
  launchHeadNormGradient,
  launchPackedAttentionGradient,
} from '../../src/ops/attention-gradient.ts';
import { concat } from '../../src/ops/concat.ts';
import { bindable } from '../../src/ops/launch-elementwise.ts';
import { packedAttentionOp } from '../../src/ops/packed-attention.ts';
import { readAll } from '../../src/ops/read.ts';
import { sum } from '../../src/ops/reduce.ts';
import { normalArray } from '../../src/ops/reference.ts';
import { rmsNorm } from '../../src/ops/rms-norm.ts';
import { rope, ropeTable } from '../../src/ops/rope.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor, worstError } from '../../src/testing/compare.ts';
import { segments } from '../kernels/attention-harness.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const LENGTHS = [5, 1, 40, 17];
const { rows, start, end } = segments(LENGTHS);

function setUp(heads: number, kvHeads: number, width: number) {
  const words = (data: Uint32Array<ArrayBuffer>) => Tensor.from(device, data, [rows], 'u32');
  const frequencies = Array.from({ length: width / 2 }, (_, e) => 100 ** ((-2 * e) / width));
  const positions = Uint32Array.from(start, (first, row) => row - first);
  return {
    qkv: toTensor(device, normalArray(21, [rows, heads + 2 * kvHeads, width])),
    dO: toTensor(device, normalArray(22, [rows, heads, width])),
    segments: { start: words(start), end: words(end) },
    rotary: { positions: words(positions), table: Tensor.from(device, ropeTable(64, frequencies), [64, width]) },
    attrs: { heads, kvHeads, scale: width ** -0.5, window: 0 },
  };
}

/** Heads first .. first + count - 1 of [N, heads, E], as a tensor of their own. */
function headsOf(x: Tensor, first: number, count: number): Tensor {
  const [n, , width] = x.shape as [number, number, number];
  return bindable(x.view([n, count, width], x.strides, x.offset + first * width));
}

describe.each([
  ['whole vectors', 4, 2, 16],
  ['pairs that are no whole vectors', 3, 1, 12],
  ['an odd number of pairs', 2, 2, 6],
])('packed attention with %s', (_, heads, kvHeads, width) => {
  it('gives the bits of rope and attention on separate tensors, forward and backward', async () => {
    const [packed, apart] = await scopeAsync(async () => {
      const { qkv, dO, segments: borders, rotary, attrs } = setUp(heads, kvHeads, width);
      const [o, stats, turned] = applyOp(
        packedAttentionOp,
        [qkv, borders.start, borders.end, rotary.positions, rotary.table],
        attrs,
      ) as [Tensor, Tensor, Tensor];
      const dQkv = launchPackedAttentionGradient({ qkv: turned, segments: borders, o, stats, dO, rotary }, attrs);
      const q = rope(headsOf(qkv, 0, heads), rotary.positions, rotary.table);
      const k = rope(headsOf(qkv, heads, kvHeads), rotary.positions, rotary.table);
      const v = headsOf(qkv, heads + kvHeads, kvHeads);
      const [o2, stats2] = applyOp(attentionOp, [q, k, v, borders.start, borders.end], attrs) as [Tensor, Tensor];
      const { dQ, dK, dV } = launchAttentionGradient({ q, k, v, segments: borders, o: o2, stats: stats2, dO }, attrs);
      const back = (x: Tensor): Tensor => rope(x, rotary.positions, rotary.table, true);
      const parts = [headsOf(dQkv, 0, heads), headsOf(dQkv, heads, kvHeads), headsOf(dQkv, heads + kvHeads, kvHeads)];
      return [await readAll([o, stats, ...parts]), await readAll([o2, stats2, back(dQ), back(dK), dV])];
    });
    expect(packed[0]).toEqual(apart[0]);
    expect(packed[1]).toEqual(apart[1]);
    // Turning back in the same kernel may fuse another product into the sum: a unit in the last place.
    for (const i of [2, 3, 4]) {
      packed[i]!.forEach((value, at) => {
        expect(Math.abs(value - apart[i]![at]!)).toBeLessThanOrEqual(1e-6);
      });
    }
  });
});

describe('packed attention', () => {
  it('takes four launches forward and backward, the rotation included', async () => {
    await scopeAsync(async () => {
      const { qkv, dO, segments: borders, rotary, attrs } = setUp(4, 2, 16);
      const inputs = [qkv, borders.start, borders.end, rotary.positions, rotary.table];
      const before = device.counters.dispatches;
      const [o, stats, turned] = applyOp(packedAttentionOp, inputs, attrs) as [Tensor, Tensor, Tensor];
      launchPackedAttentionGradient({ qkv: turned, segments: borders, o, stats, dO, rotary }, attrs);
      expect(device.counters.dispatches - before).toBe(4);
      await device.finish();
    });
  });

  it('normalises heads as rmsNorm does, forward and backward, whatever their number', async () => {
    // More query heads than the backward kernel has stretches of one block for.
    const [heads, kvHeads, width] = [260, 2, 8];
    const [packed, apart] = await scopeAsync(async () => {
      const { qkv, dO, segments: borders, rotary, attrs } = setUp(heads, kvHeads, width);
      const weight = (seed: number): Tensor => toTensor(device, normalArray(seed, [width], 0.3, 1));
      const norms = { query: weight(23), key: weight(24), eps: 1e-6 };
      const rotation = [rotary.positions, rotary.table];
      const [o, stats, prepared] = applyOp(
        packedAttentionOp,
        [qkv, borders.start, borders.end, ...rotation, norms.query, norms.key],
        { ...attrs, normEps: norms.eps },
      ) as [Tensor, Tensor, Tensor];
      const forward = { segments: borders, o, stats, dO, rotary };
      const dQkv = launchPackedAttentionGradient({ qkv: prepared, ...forward }, attrs);
      const byHeads = await readAll([headsOf(dQkv, 0, heads), headsOf(dQkv, heads, kvHeads)]);
      const { querySums, keySums } = launchHeadNormGradient(qkv, norms, dQkv, attrs);
      const parts = [headsOf(qkv, 0, heads), headsOf(qkv, heads, kvHeads), headsOf(qkv, heads + kvHeads, kvHeads)];
      const normed = concat([rmsNorm(parts[0]!, norms.query, 1e-6), rmsNorm(parts[1]!, norms.key, 1e-6), parts[2]!], 1);
      const [expected] = applyOp(packedAttentionOp, [normed, borders.start, borders.end, ...rotation], attrs);
      const sources = await readAll(parts);
      // In float64, from the gradients by the normalised heads.
      const byInput = [norms.query, norms.key].map(async (w, i) => {
        const weights = Float64Array.from((await readAll([w]))[0]!);
        const [x, g] = [sources[i]!, byHeads[i]!];
        const dx = new Float64Array(x.length);
        const dw = new Float64Array(width);
        for (let at = 0; at < x.length; at += width) {
          const row = Array.from({ length: width }, (_, e) => e);
          const r = 1 / Math.sqrt(row.reduce((sum, e) => sum + x[at + e]! ** 2, 0) / width + 1e-6);
          const projection = row.reduce((sum, e) => sum + weights[e]! * g[at + e]! * x[at + e]!, 0);
          for (const e of row) {
            dx[at + e] = r * weights[e]! * g[at + e]! - (x[at + e]! * r ** 3 * projection) / width;
            dw[e]! += g[at + e]! * x[at + e]! * r;
          }
        }
        return [dx, dw] as const;
      });
      const [[dq, dwq], [dk, dwk]] = (await Promise.all(byInput)) as [
        readonly [Float64Array, Float64Array],
        readonly [Float64Array, Float64Array],
      ];
      return [
        await readAll([
          o,
          headsOf(dQkv, 0, heads),
          headsOf(dQkv, heads, kvHeads),
          sum(querySums, { axes: [0] }),
          sum(keySums, { axes: [0] }),
        ]),
        [...(await readAll([expected!])), dq, dk, dwq, dwk],
      ];
    });
    packed.forEach((values, i) => {
      expect(worstError(values, Float64Array.from(apart[i]!)), `result ${i}`).toBeLessThan(2e-5);
    });
  });

  it('turns in its input only where it may', async () => {
    await scopeAsync(async () => {
      const { qkv, segments: borders, rotary, attrs } = setUp(4, 2, 16);
      const inputs = [qkv, borders.start, borders.end, rotary.positions, rotary.table];
      const [kept] = await readAll([qkv]);
      const apart = applyOp(packedAttentionOp, inputs, attrs);
      expect(apart[2]!.storage).not.toBe(qkv.storage);
      expect(await readAll([qkv])).toEqual([kept]);
      const outside = await readAll(apart);
      const within = applyOp(packedAttentionOp, inputs, { ...attrs, inPlace: true });
      expect(within[2]!.storage).toBe(qkv.storage);
      expect(await readAll(within)).toEqual(outside);
      expect(await readAll([qkv])).toEqual([outside[2]]);
    });
  });

  it('normalises in its input where it may, unless a tape watches, whose gradient reads it', async () => {
    await scopeAsync(async () => {
      const { qkv, segments: borders, rotary, attrs } = setUp(4, 2, 16);
      const ones = Tensor.from(device, new Float32Array(16).fill(1), [16]);
      const inputs = [qkv, borders.start, borders.end, rotary.positions, rotary.table, ones, ones];
      const options = { ...attrs, normEps: 1e-6 };
      const [kept] = await readAll([qkv]);
      const observer = { onApply: () => undefined };
      const watched = withObserver(observer, () => applyOp(packedAttentionOp, inputs, { ...options, inPlace: true }));
      expect(await readAll([qkv])).toEqual([kept]);
      const outside = await readAll(watched);
      const within = applyOp(packedAttentionOp, inputs, { ...options, inPlace: true });
      expect(within[2]!.storage).toBe(qkv.storage);
      expect(await readAll(within)).toEqual(outside);
    });
  });
});
