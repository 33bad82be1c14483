import type { Device } from '../../src/gpu/device.ts';
import { planAttentionBackwardKV, planAttentionBackwardQ } from '../../src/kernels/attention-backward.wgsl.ts';
import { planAttentionForward } from '../../src/kernels/attention-forward.wgsl.ts';
import type { AttentionReferenceInput } from '../../src/kernels/attention-reference.ts';
import type { AttentionShape } from '../../src/kernels/attention-tile.wgsl.ts';
import { launchPlan } from '../../src/ops/launch-plan.ts';
import { normalArray } from '../../src/ops/reference.ts';
import { scope } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';

/** One packed batch for the tests. */
export interface AttentionCase {
  readonly lengths: readonly number[];
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly window?: number;
  readonly scale?: number;
  readonly adapterClass?: 'cpu' | 'gpu';
}

export interface AttentionInputs {
  readonly q: Float32Array<ArrayBuffer>;
  readonly k: Float32Array<ArrayBuffer>;
  readonly v: Float32Array<ArrayBuffer>;
  readonly dO: Float32Array<ArrayBuffer>;
}

export interface AttentionOutputs {
  readonly o: Float32Array;
  readonly lse: Float32Array;
  readonly dQ: Float32Array;
  readonly dK: Float32Array;
  readonly dV: Float32Array;
}

export function segments(lengths: readonly number[]) {
  const rows = lengths.reduce((a, b) => a + b, 0);
  const start = new Uint32Array(rows);
  const end = new Uint32Array(rows);
  let at = 0;
  for (const length of lengths) {
    start.fill(at, at, at + length);
    end.fill(at + length, at, at + length);
    at += length;
  }
  return { rows, start, end };
}

export function randomInputs(test: AttentionCase, seed: number): AttentionInputs {
  const { rows } = segments(test.lengths);
  const normal = (offset: number, heads: number) =>
    Float32Array.from(normalArray(seed + offset, [rows * heads * test.headDim]).data);
  return {
    q: normal(0, test.heads),
    k: normal(1, test.kvHeads),
    v: normal(2, test.kvHeads),
    dO: normal(3, test.heads),
  };
}

export function shapeOf(device: Device, test: AttentionCase): AttentionShape {
  const { heads, kvHeads, headDim } = test;
  return {
    rows: segments(test.lengths).rows,
    heads,
    kvHeads,
    headDim,
    qStride: heads * headDim,
    kStride: kvHeads * headDim,
    vStride: kvHeads * headDim,
    window: test.window ?? 0,
    scale: test.scale ?? headDim ** -0.5,
    adapterClass: test.adapterClass ?? device.adapterClass,
  };
}

export function referenceInput(test: AttentionCase, inputs: AttentionInputs): AttentionReferenceInput {
  return {
    q: Float64Array.from(inputs.q),
    k: Float64Array.from(inputs.k),
    v: Float64Array.from(inputs.v),
    segStart: segments(test.lengths).start,
    heads: test.heads,
    kvHeads: test.kvHeads,
    headDim: test.headDim,
    scale: test.scale ?? test.headDim ** -0.5,
    window: test.window ?? 0,
  };
}

/** Forward and backward on the device; `shape` and the arrays may describe column slices of wider rows. */
export async function runAttention(
  device: Device,
  test: AttentionCase,
  inputs: AttentionInputs,
  shape = shapeOf(device, test),
): Promise<AttentionOutputs> {
  const { rows, heads, kvHeads, headDim } = shape;
  const { start, end } = segments(test.lengths);
  const pending = scope(() => {
    const input = (data: Float32Array<ArrayBuffer>) => Tensor.from(device, data, [data.length]);
    const output = (size: number) => Tensor.empty(device, [size], 'f32', 'test/attention');
    const [q, k, v, dO] = [inputs.q, inputs.k, inputs.v, inputs.dO].map(input) as [Tensor, Tensor, Tensor, Tensor];
    const segStart = Tensor.from(device, start, [rows], 'u32');
    const segEnd = Tensor.from(device, end, [rows], 'u32');
    const [o, dQ] = [output(rows * heads * headDim), output(rows * heads * headDim)];
    const [dK, dV] = [output(rows * kvHeads * headDim), output(rows * kvHeads * headDim)];
    const stats = output(rows * heads * 2);
    launchPlan(planAttentionForward(shape), [q, k, v, segStart], [o, stats]);
    launchPlan(planAttentionBackwardQ(shape), [q, k, v, segStart, dO, o], [stats, dQ]);
    launchPlan(planAttentionBackwardKV(shape), [q, k, v, segEnd, dO, stats], [dK, dV]);
    return device.readBytes([o, stats, dQ, dK, dV].map((tensor) => tensor.binding()));
  });
  const sizes = [
    rows * heads * headDim,
    rows * heads * 2,
    rows * heads * headDim,
    rows * kvHeads * headDim,
    rows * kvHeads * headDim,
  ];
  const [o, stats, dQ, dK, dV] = (await pending).map(
    (bytes, i) => new Float32Array(bytes, 0, sizes[i]),
  ) as Float32Array[];
  // The first of the two statistics is a base-2 logarithm.
  const lse = Float32Array.from({ length: rows * heads }, (_, i) => stats![2 * i]! * Math.LN2);
  return { o: o!, lse, dQ: dQ!, dK: dK!, dV: dV! };
}
