import { ToolError } from '../errors.ts';
import type { Device } from '../gpu/device.ts';
import { planAttentionForward } from '../kernels/attention-forward.wgsl.ts';
import { attentionReference } from '../kernels/attention-reference.ts';
import type { AttentionShape, HeadArithmetic, HeadDType } from '../kernels/attention-tile.wgsl.ts';
import { applyOp, type OpDef, type RefArray, type TensorSpec } from '../op.ts';
import { formatShape, type Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import type { Draw } from '../testing/draw.ts';
import { launchPlan } from './launch-plan.ts';
import { normalArray, refArray } from './reference.ts';

/** The scale, the mask and the arithmetic of an attention. */
export interface AttentionAttrs {
  /** Factor on q·k, usually 1 / sqrt(E). */
  readonly scale: number;
  /** A query sees itself and the window - 1 keys before it; 0 for the whole sequence. */
  readonly window: number;
  /**
   * What the forward pass multiplies in; sums over keys and the softmax stay f32, and so does the backward pass.
   * 'f16' is for adapters with `shader-f16`; results are within 5e-3 of the f32 ones for scores up to 8.
   * Default 'f32'.
   */
  readonly arithmetic?: HeadArithmetic;
}

/** Throws ToolError 'limit' where the device cannot multiply as asked. */
export function checkArithmetic(op: string, device: Device, { arithmetic }: AttentionAttrs): void {
  if (arithmetic !== 'f16' || device.features.has('shader-f16')) return;
  throw new ToolError('limit', {
    op,
    expected: 'a device with shader-f16 for f16 arithmetic',
    got: 'one without',
    hint: 'leave `arithmetic` at f32; q, k and v may be stored in f16 all the same.',
  });
}

/** The kernels' view of contiguous q, k and v. */
export function attentionShape(
  q: TensorSpec,
  k: TensorSpec,
  attrs: AttentionAttrs,
  adapterClass: 'cpu' | 'gpu',
): AttentionShape {
  const [rows, heads, headDim] = q.shape as [number, number, number];
  const kvHeads = k.shape[1]!;
  const kvStride = kvHeads * headDim;
  return {
    rows,
    heads,
    kvHeads,
    headDim,
    qStride: heads * headDim,
    kStride: kvStride,
    vStride: kvStride,
    dtype: q.dtype as HeadDType,
    ...attrs,
    adapterClass,
  };
}

/** The packed borders of sequences of the given lengths, as reference arrays. */
export function borders(lengths: readonly number[]): [RefArray, RefArray] {
  const starts: number[] = [];
  const ends: number[] = [];
  for (const length of lengths) {
    const start = starts.length;
    for (let i = 0; i < length; i++) {
      starts.push(start);
      ends.push(start + length);
    }
  }
  return [refArray([starts.length], starts, 'u32'), refArray([ends.length], ends, 'u32')];
}

/** What the forward pass leaves in its second output. */
export function statsOf(shape: Shape, lse: Float64Array): RefArray {
  const stats = Array.from(lse).flatMap((value) => [value / Math.LN2, 0]);
  return refArray([...shape, 2], stats);
}

/** Lengths of some packed sequences. */
export function drawLengths(draw: Draw): number[] {
  return Array.from({ length: draw.below(4) }, () => draw.of([1, 2, 3, 7, 16, 17, 33]));
}

export const attentionOp: OpDef<AttentionAttrs> = {
  name: 'attention',
  integerInputs: [3, 4],
  dtypes: ['f32', 'f16', 'bf16'],
  tolerance: 'fused',
  doc: 'causal, grouped-query attention over packed sequences: o = softmax(scale q k^T) v over the keys of the own sequence up to the query; outputs o [N, H, E] in f32 and, for the backward pass, stats [N, H, 2]: the base-2 logarithm of the sum of the exponentials, and room for a number',
  differentiableOutputs: 1,
  infer: ([q, k, v, segStart, segEnd]) => {
    const [rows, heads, headDim] = q!.shape;
    const fits =
      q!.shape.length === 3 &&
      k!.shape.length === 3 &&
      k!.shape[0] === rows &&
      k!.shape[2] === headDim &&
      k!.shape.every((dim, axis) => dim === v!.shape[axis]) &&
      heads! % k!.shape[1]! === 0 &&
      [k, v].every((t) => t!.dtype === q!.dtype) &&
      [segStart, segEnd].every((seg) => seg!.dtype === 'u32' && seg!.shape[0] === rows);
    if (!fits) {
      throw new ToolError('shape', {
        op: 'attention',
        expected: 'q [N, H, E], k and v [N, K, E] of one type with H a multiple of K, segStart and segEnd u32 [N]',
        got: [q, k, v, segStart, segEnd].map((t) => `${t!.dtype} ${formatShape(t!.shape)}`).join(', '),
      });
    }
    return [
      { shape: q!.shape, dtype: 'f32' },
      { shape: [rows!, heads!, 2], dtype: 'f32' },
    ];
  },
  run: ([q, k, v, segStart], [out, statsSpec], attrs) => {
    const device = q!.device;
    checkArithmetic('attention', device, attrs);
    const o = Tensor.empty(device, out!.shape, 'f32', 'tensor/attention');
    const stats = Tensor.empty(device, statsSpec!.shape, 'f32', 'tensor/attention/stats');
    if (o.size > 0)
      launchPlan(
        planAttentionForward(attentionShape(q!, k!, attrs, device.adapterClass)),
        [q!, k!, v!, segStart!],
        [o, stats],
      );
    return [o, stats];
  },
  reference: ([q, k, v, segStart], attrs) => {
    const [rows, heads, headDim] = q!.shape as [number, number, number];
    const { o, lse } = attentionReference({
      q: q!.data,
      k: k!.data,
      v: v!.data,
      segStart: segStart!.data,
      heads,
      kvHeads: k!.shape[1]!,
      headDim,
      ...attrs,
    });
    return [refArray(q!.shape, o), statsOf([rows, heads], lse)];
  },
  samples: () => {
    const make = (
      seed: number,
      lengths: readonly number[],
      heads: number,
      kvHeads: number,
      width: number,
      scale = 1,
    ): RefArray[] => {
      const rows = lengths.reduce((a, b) => a + b, 0);
      return [
        normalArray(seed, [rows, heads, width], scale),
        normalArray(seed + 1, [rows, kvHeads, width], scale),
        normalArray(seed + 2, [rows, kvHeads, width]),
        ...borders(lengths),
      ];
    };
    return [
      { name: 'packed, grouped', inputs: make(181, [3, 1, 6], 4, 2, 8), attrs: { scale: 0.35, window: 0 } },
      { name: 'one sequence', inputs: make(184, [13], 2, 2, 4), attrs: { scale: 0.5, window: 0 } },
      { name: 'window', inputs: make(187, [9, 4], 2, 1, 4), attrs: { scale: 0.5, window: 3 } },
      { name: 'large scores', inputs: make(190, [5], 1, 1, 4, 8), attrs: { scale: 1, window: 0 } },
      { name: 'no tokens', inputs: make(193, [], 2, 1, 4), attrs: { scale: 1, window: 0 } },
    ];
  },
  fuzz: (draw) => {
    const kvHeads = draw.between(1, 3);
    const heads = kvHeads * draw.between(1, 3);
    const width = draw.of([1, 2, 5, 8, 12, 16, 20, 33, 40]);
    const lengths = drawLengths(draw);
    const rows = lengths.reduce((a, b) => a + b, 0);
    const part = (count: number): RefArray => draw.normals([rows, count, width]);
    return {
      name: `lengths ${lengths}, ${heads} on ${kvHeads} heads of ${width}`,
      inputs: [part(heads), part(kvHeads), part(kvHeads), ...borders(lengths)],
      attrs: { scale: width ** -0.5, window: draw.oneIn(2) ? 0 : draw.between(1, 20) },
    };
  },
  errors: () => [
    {
      name: 'heads that do not divide',
      inputs: [
        { shape: [4, 3, 8], dtype: 'f32' },
        { shape: [4, 2, 8], dtype: 'f32' },
        { shape: [4, 2, 8], dtype: 'f32' },
        { shape: [4], dtype: 'u32' },
        { shape: [4], dtype: 'u32' },
      ],
      attrs: { scale: 1, window: 0 },
      code: 'shape',
    },
  ],
};

/** Borders of the packed sequences: for each token the first row of its sequence and one past the last. u32 [N]. */
export interface Segments {
  readonly start: Tensor;
  readonly end: Tensor;
}

/** Causal, grouped-query attention over packed sequences. q [N, H, E], k and v [N, K, E]: [N, H, E]. */
export function attention(q: Tensor, k: Tensor, v: Tensor, segments: Segments, attrs: AttentionAttrs): Tensor {
  return applyOp(attentionOp, [q, k, v, segments.start, segments.end], attrs)[0]!;
}
