import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostArray } from '../../src/dtype.ts';
import type { Device } from '../../src/gpu/device.ts';
import { planAttentionBackwardKV, planAttentionBackwardQ } from '../../src/kernels/attention-backward.wgsl.ts';
import { planAttentionForward } from '../../src/kernels/attention-forward.wgsl.ts';
import { attentionReference, attentionReferenceGrads } from '../../src/kernels/attention-reference.ts';
import { openDevice } from '../../src/node.ts';
import { worstError } from '../../src/testing/compare.ts';
import {
  type AttentionCase,
  type AttentionInputs,
  type AttentionOutputs,
  randomInputs,
  referenceInput,
  runAttention,
  segments,
  shapeOf,
} from './attention-harness.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const MIXED = [1, 7, 30, 1, 1, 64, 5, 20, 2, 44];

function expectCloseToReference(
  test: AttentionCase,
  inputs: AttentionInputs,
  actual: AttentionOutputs,
  tolerance: { forward: number; backward: number } = { forward: 1e-5, backward: 1e-4 },
): void {
  const input = referenceInput(test, inputs);
  const { o, lse } = attentionReference(input);
  const grads = attentionReferenceGrads(input, Float64Array.from(inputs.dO));
  expect(worstError(actual.o as HostArray, o), 'o').toBeLessThan(tolerance.forward);
  expect(worstError(actual.lse as HostArray, lse), 'lse').toBeLessThan(tolerance.forward);
  expect(worstError(actual.dQ as HostArray, grads.dQ), 'dQ').toBeLessThan(tolerance.backward);
  expect(worstError(actual.dK as HostArray, grads.dK), 'dK').toBeLessThan(tolerance.backward);
  expect(worstError(actual.dV as HostArray, grads.dV), 'dV').toBeLessThan(tolerance.backward);
}

describe.each(['cpu', 'gpu'] as const)('packed attention with the %s tiles', (adapterClass) => {
  it.each<[string, Partial<AttentionCase>]>([
    ['head width 4', { headDim: 4 }],
    ['head width 8, two query heads a kv head', { headDim: 8, heads: 8, kvHeads: 4 }],
    ['head width 16', { headDim: 16, heads: 4, kvHeads: 4 }],
    ['head width 32, one kv head', { headDim: 32, heads: 3, kvHeads: 1 }],
    ['head width 64', { headDim: 64 }],
    ['head width 20', { headDim: 20 }],
    ['head width 80', { headDim: 80, lengths: [3, 33] }],
    ['head width 96', { headDim: 96, lengths: [3, 20], heads: 2 }],
    ['head width 112', { headDim: 112, lengths: [3, 20], heads: 2 }],
    ['head width 128', { headDim: 128, lengths: [3, 1, 9], heads: 2 }],
    ['an odd head width', { headDim: 7 }],
    ['one sequence of one token', { lengths: [1] }],
    ['one sequence over many blocks', { lengths: [301], heads: 1, kvHeads: 1 }],
    ['a window inside the sequences', { window: 5 }],
    ['a window of one token', { window: 1 }],
    ['a window longer than any sequence', { window: 1000 }],
    ['a window over many blocks', { window: 70, lengths: [150, 3, 90] }],
  ])('agrees with the float64 reference, forward and backward: %s', async (_, changes) => {
    const test: AttentionCase = { lengths: MIXED, heads: 4, kvHeads: 2, headDim: 8, adapterClass, ...changes };
    const inputs = randomInputs(test, 1);
    expectCloseToReference(test, inputs, await runAttention(device, test, inputs));
  });

  it('stays finite and right with scores of thousands', async () => {
    const test: AttentionCase = { lengths: MIXED, heads: 2, kvHeads: 2, headDim: 16, scale: 300, adapterClass };
    const inputs = randomInputs(test, 2);
    // A score of 5000 has an error of 5000 * 2^-24 * a few in f32, which is the relative error of its weight.
    expectCloseToReference(test, inputs, await runAttention(device, test, inputs), { forward: 5e-3, backward: 5e-3 });
  });

  it('gives the same bits in two runs', async () => {
    const test: AttentionCase = { lengths: MIXED, heads: 4, kvHeads: 2, headDim: 16, adapterClass };
    const inputs = randomInputs(test, 3);
    const first = await runAttention(device, test, inputs);
    expect(await runAttention(device, test, inputs)).toEqual(first);
  });

  it('gives a sequence the same bits alone and packed with others', async () => {
    const test: AttentionCase = { lengths: MIXED, heads: 4, kvHeads: 2, headDim: 16, window: 40, adapterClass };
    const inputs = randomInputs(test, 4);
    const packed = await runAttention(device, test, inputs);
    let from = 0;
    for (const length of MIXED) {
      const part = (values: Float32Array, heads: number, width = 16) =>
        values.slice(from * heads * width, (from + length) * heads * width) as Float32Array<ArrayBuffer>;
      const alone = await runAttention(
        device,
        { ...test, lengths: [length] },
        { q: part(inputs.q, 4), k: part(inputs.k, 2), v: part(inputs.v, 2), dO: part(inputs.dO, 4) },
      );
      expect(alone, `rows ${from} to ${from + length}`).toEqual({
        o: part(packed.o, 4),
        lse: part(packed.lse, 4, 1),
        dQ: part(packed.dQ, 4),
        dK: part(packed.dK, 2),
        dV: part(packed.dV, 2),
      });
      from += length;
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'keeps %s in its sequence, and from what comes before it',
    async (bad) => {
      const test: AttentionCase = { lengths: [5, 3, 9], heads: 2, kvHeads: 1, headDim: 8, adapterClass };
      const clean = randomInputs(test, 20);
      const expected = await runAttention(device, test, clean);
      // The last token of the middle sequence: rows 5 to 7, all within one block of rows.
      for (const name of ['q', 'k', 'v', 'dO'] as const) {
        const heads = name === 'q' || name === 'dO' ? 2 : 1;
        const inputs = { ...clean, [name]: clean[name].slice() };
        inputs[name].fill(bad, 7 * heads * 8, 8 * heads * 8);
        const actual = await runAttention(device, test, inputs);
        for (const output of ['o', 'lse', 'dQ', 'dK', 'dV'] as const) {
          const width = actual[output].length / 17;
          const outside = (values: Float32Array) => [values.slice(0, 5 * width), values.slice(8 * width)];
          expect(outside(actual[output]), `${output} of ${name}`).toEqual(outside(expected[output]));
          // Earlier tokens do not see it; only their keys and values meet its query.
          if (output === 'dK' || output === 'dV') continue;
          const before = (values: Float32Array) => values.slice(5 * width, 7 * width);
          expect(before(actual[output]), `${output} of ${name}`).toEqual(before(expected[output]));
        }
        const touched = { q: actual.o, k: actual.o, v: actual.o, dO: actual.dQ }[name];
        expect(touched.slice(7 * 16, 8 * 16).some(Number.isFinite), `row of ${name}`).toBe(false);
      }
    },
  );

  it.each([
    ['aligned to four numbers', 8, 8, 4],
    ['unaligned', 8, 5, 3],
    ['unaligned with an odd head width', 7, 1, 2],
  ])('reads q, k and v as column slices of a wider matrix: %s', async (_, headDim, before, after) => {
    const test: AttentionCase = { lengths: MIXED, heads: 4, kvHeads: 2, headDim, adapterClass };
    const inputs = randomInputs(test, 5);
    const { rows } = segments(test.lengths);
    const widths = [4 * headDim, 2 * headDim, 2 * headDim];
    const stride = before + 8 * headDim + after;
    const fused = new Float32Array(rows * stride).fill(Number.NaN);
    const offsets = [before, before + widths[0]!, before + widths[0]! + widths[1]!];
    [inputs.q, inputs.k, inputs.v].forEach((part, i) => {
      const width = widths[i]!;
      for (let row = 0; row < rows; row++) {
        fused.set(part.subarray(row * width, (row + 1) * width), row * stride + offsets[i]!);
      }
    });
    const [qOffset, kOffset, vOffset] = offsets as [number, number, number];
    const strides = { qStride: stride, kStride: stride, vStride: stride, qOffset, kOffset, vOffset };
    const sliced = { ...inputs, q: fused, k: fused, v: fused };
    const actual = await runAttention(device, test, sliced, { ...shapeOf(device, test), ...strides });
    expectCloseToReference(test, inputs, actual);
  });
});

describe('packed attention', () => {
  it('gives the same bits with the cpu and the gpu tiles, whose steps begin at different keys', async () => {
    const test: AttentionCase = { lengths: [100, 3, 77], heads: 2, kvHeads: 1, headDim: 16 };
    const inputs = randomInputs(test, 6);
    const direct = await runAttention(device, { ...test, adapterClass: 'cpu' }, inputs);
    const staged = await runAttention(device, { ...test, adapterClass: 'gpu' }, inputs);
    expect(staged).toEqual(direct);
  });

  it('keeps a masked key from mattering, whatever its value', async () => {
    const test: AttentionCase = { lengths: [9], heads: 1, kvHeads: 1, headDim: 8 };
    const inputs = randomInputs(test, 7);
    const before = await runAttention(device, test, inputs);
    const changed = { ...inputs, k: inputs.k.slice(), v: inputs.v.slice() };
    changed.k.fill(1e18, 8 * 8);
    changed.v.fill(-1e18, 8 * 8);
    const after = await runAttention(device, test, changed);
    expect(after.o.subarray(0, 64)).toEqual(before.o.subarray(0, 64));
    expect(after.dQ.subarray(0, 64)).toEqual(before.dQ.subarray(0, 64));
  });

  it('shows a NaN in the rows that see it', async () => {
    const test: AttentionCase = { lengths: [20], heads: 1, kvHeads: 1, headDim: 8 };
    const inputs = randomInputs(test, 8);
    inputs.q[3 * 8] = Number.NaN;
    const { o, lse } = await runAttention(device, test, inputs);
    expect(o[3 * 8]).toBeNaN();
    expect(lse[3]).toBeNaN();
    expect(o[4 * 8]).not.toBeNaN();
  });

  it('uses memory linear in the tokens: no buffer of a long sequence is larger than its inputs', async () => {
    const test: AttentionCase = { lengths: [2048], heads: 2, kvHeads: 1, headDim: 16 };
    const inputs = randomInputs(test, 9);
    device.pool.resetPeak();
    const { o } = await runAttention(device, test, inputs);
    expect(device.memory.largestBytes).toBeLessThanOrEqual(2048 * 2 * 16 * 4);
    expect(Math.max(...o)).toBeLessThan(Math.max(...inputs.v));
  });

  it('needs no more storage buffers than every adapter has', () => {
    const shape = shapeOf(device, { lengths: [8], heads: 2, kvHeads: 1, headDim: 8 });
    const packed = { ...shape, packed: true, qStride: 32, kStride: 32, vStride: 32, kOffset: 16, vOffset: 24 };
    const plans = [shape, packed].flatMap((each) => [
      planAttentionForward(each),
      planAttentionBackwardQ(each, each.packed),
      planAttentionBackwardKV(each, each.packed),
    ]);
    for (const plan of plans) expect(plan.kernel.bindings.length).toBeLessThanOrEqual(8);
  });

  it.each([
    [
      'a head width over 256',
      { headDim: 257, qStride: 514, kStride: 257, vStride: 257 },
      'limit',
      /at most 256, got 257/,
    ],
    ['heads that the kv heads do not divide', { heads: 3, kvHeads: 2 }, 'shape', /3 query heads and 2 kv heads/],
    ['overlapping rows', { qStride: 8 }, 'shape', /q stride of at least 16, got 8/],
    ['a negative window', { window: -1 }, 'shape', /window/],
    ['indices past 2^31', { rows: 2 ** 28 }, 'limit', /below 2\^31/],
  ])('refuses %s', (_, changes, code, message) => {
    const shape = { ...shapeOf(device, { lengths: [8], heads: 2, kvHeads: 1, headDim: 8 }), ...changes };
    for (const plan of [planAttentionForward, planAttentionBackwardQ, planAttentionBackwardKV]) {
      expect(() => plan(shape)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
    }
  });
});

// Last, since a device rests by how long its last work took, and these kernels compile for seconds.
describe.each(['cpu', 'gpu'] as const)('the widest heads with the %s tiles', (adapterClass) => {
  it('agree with the float64 reference, forward and backward', async () => {
    const test: AttentionCase = { lengths: [3, 1, 20], heads: 2, kvHeads: 1, headDim: 256, adapterClass };
    const inputs = randomInputs(test, 1);
    expectCloseToReference(test, inputs, await runAttention(device, test, inputs));
  });
});
