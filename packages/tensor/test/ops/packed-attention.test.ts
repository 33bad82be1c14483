import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { applyOp } from '../../src/op.ts';
import { attentionOp } from '../../src/ops/attention.ts';
import { launchAttentionGradient, launchPackedAttentionGradient } from '../../src/ops/attention-gradient.ts';
import { bindable } from '../../src/ops/launch-elementwise.ts';
import { packedAttentionOp } from '../../src/ops/packed-attention.ts';
import { readAll } from '../../src/ops/read.ts';
import { normalArray } from '../../src/ops/reference.ts';
import { rope, ropeTable } from '../../src/ops/rope.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor } from '../../src/testing/compare.ts';
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
});
