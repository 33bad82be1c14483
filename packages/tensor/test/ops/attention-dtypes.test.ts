import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostArray } from '../../src/dtype.ts';
import type { Device } from '../../src/gpu/device.ts';
import { planAttentionForward } from '../../src/kernels/attention-forward.wgsl.ts';
import { attentionReference } from '../../src/kernels/attention-reference.ts';
import type { HeadDType } from '../../src/kernels/attention-tile.wgsl.ts';
import { openDevice } from '../../src/node.ts';
import { applyOp } from '../../src/op.ts';
import { attention, attentionOp } from '../../src/ops/attention.ts';
import { launchAttentionGradient } from '../../src/ops/attention-gradient.ts';
import { launchPlan } from '../../src/ops/launch-plan.ts';
import { readAll } from '../../src/ops/read.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { worstError } from '../../src/testing/compare.ts';
import { roundToDType } from '../../src/testing/round-to-dtype.ts';
import {
  type AttentionCase,
  type AttentionInputs,
  randomInputs,
  referenceInput,
  runAttention,
  segments,
  shapeOf,
} from '../kernels/attention-harness.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const TEST: AttentionCase = { lengths: [1, 40, 9, 70], heads: 4, kvHeads: 2, headDim: 16 };

function rounded(inputs: AttentionInputs, dtype: HeadDType): AttentionInputs {
  const round = (values: Float32Array) => Float32Array.from(values, (value) => roundToDType(value, dtype));
  return { q: round(inputs.q), k: round(inputs.k), v: round(inputs.v), dO: inputs.dO as Float32Array<ArrayBuffer> };
}

function tensorsOf(test: AttentionCase, inputs: AttentionInputs, dtype: HeadDType) {
  const { rows, start, end } = segments(test.lengths);
  const part = (values: Float32Array, heads: number, type: HeadDType = dtype) =>
    Tensor.from(device, Array.from(values), [rows, heads, test.headDim], type);
  const words = (values: Uint32Array<ArrayBuffer>) => Tensor.from(device, values, [rows], 'u32');
  return {
    q: part(inputs.q, test.heads),
    k: part(inputs.k, test.kvHeads),
    v: part(inputs.v, test.kvHeads),
    dO: part(inputs.dO, test.heads, 'f32'),
    segments: { start: words(start), end: words(end) },
  };
}

describe.each(['f16', 'bf16'] as const)('attention of q, k and v in %s', (dtype) => {
  it.each([16, 7])(
    'gives the bits of the same values in f32, forward and backward, at head width %i',
    async (headDim) => {
      const test = { ...TEST, headDim };
      const inputs = rounded(randomInputs(test, 41), dtype);
      const wanted = await runAttention(device, test, inputs);
      const [o, dQ, dK, dV] = await scopeAsync(async () => {
        const { q, k, v, dO, segments: borders } = tensorsOf(test, inputs, dtype);
        const attrs = { scale: headDim ** -0.5, window: 0 };
        const [out, stats] = applyOp(attentionOp, [q, k, v, borders.start, borders.end], attrs) as [Tensor, Tensor];
        const gradients = launchAttentionGradient({ q, k, v, segments: borders, o: out, stats, dO }, attrs);
        return readAll([out, gradients.dQ, gradients.dK, gradients.dV]);
      });
      expect({ o, dQ, dK, dV }).toEqual({ o: wanted.o, dQ: wanted.dQ, dK: wanted.dK, dV: wanted.dV });
    },
  );
});

describe('f16 arithmetic', () => {
  it.for(['cpu', 'gpu'] as const)('is within 5e-3 of float64 with the %s tiles', async (adapterClass, { skip }) => {
    if (!device.features.has('shader-f16')) return skip('no shader-f16');
    const test: AttentionCase = { ...TEST, headDim: 64, adapterClass };
    const inputs = rounded(randomInputs(test, 42), 'f16');
    const { o, lse } = attentionReference(referenceInput(test, inputs));
    const [out, stats] = await scopeAsync(async () => {
      const { q, k, v, segments: borders } = tensorsOf(test, inputs, 'f16');
      const results = [o.length, 2 * lse.length].map((size) => Tensor.empty(device, [size], 'f32', 'test/attention'));
      const plan = planAttentionForward({ ...shapeOf(device, test), dtype: 'f16', arithmetic: 'f16' });
      launchPlan(plan, [q, k, v, borders.start], results);
      return (await readAll(results)) as Float32Array[];
    });
    expect(worstError(out as HostArray, o)).toBeLessThan(5e-3);
    // Otherwise it would be the f32 kernel.
    expect(worstError(out as HostArray, o)).toBeGreaterThan(1e-5);
    const found = Float32Array.from({ length: lse.length }, (_, i) => stats![2 * i]! * Math.LN2);
    expect(worstError(found, lse)).toBeLessThan(5e-3);
  });

  it('is chosen by an attribute, and refused by a device without it', async () => {
    const inputs = randomInputs(TEST, 43);
    const attrs = { scale: 0.25, window: 0, arithmetic: 'f16' } as const;
    const other = await openDevice({ without: ['shader-f16'] });
    try {
      const empty = (heads: number) => Tensor.empty(other, [2, heads, 4], 'f32', 'test/attention');
      const words = Tensor.from(other, [0, 0], [2], 'u32');
      const [q, k] = [empty(2), empty(1)];
      expect(() => attention(q, k, k, { start: words, end: words }, attrs)).toThrow(/a device with shader-f16.*f32/);
      for (const tensor of [q, k, words]) tensor.dispose();
    } finally {
      await other.close();
    }
    if (!device.features.has('shader-f16')) return;
    const [half, full] = await scopeAsync(async () => {
      const { q, k, v, segments: borders } = tensorsOf(TEST, inputs, 'f32');
      return readAll([attention(q, k, v, borders, attrs), attention(q, k, v, borders, { scale: 0.25, window: 0 })]);
    });
    expect(worstError(half as HostArray, Float64Array.from(full!))).toBeLessThan(5e-3);
    expect(half).not.toEqual(full);
  });
});
