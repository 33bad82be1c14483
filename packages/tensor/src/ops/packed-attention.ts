import { ToolError } from '../errors.ts';
import type { AdapterClass } from '../gpu/adapter.ts';
import { planAttentionForward } from '../kernels/attention-forward.wgsl.ts';
import { attentionReference } from '../kernels/attention-reference.ts';
import type { AttentionShape, HeadDType } from '../kernels/attention-tile.wgsl.ts';
import { planRope } from '../kernels/rope.wgsl.ts';
import { applyOp, type OpDef, type OpSample, type RefArray, type TensorSpec } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { type AttentionAttrs, borders, checkArithmetic, drawLengths, type Segments, statsOf } from './attention.ts';
import { launchPlan } from './launch-plan.ts';
import { indexArray, normalArray, refArray } from './reference.ts';
import { type Rotary, rotateHeads, sampleTable } from './rope.ts';

/** An attention over q, k and v side by side in one tensor. */
export interface PackedAttentionAttrs extends AttentionAttrs {
  /** H: query heads. */
  readonly heads: number;
  /** K: key and value heads; H is a multiple. */
  readonly kvHeads: number;
  /** The rotation may overwrite its input. Only for a tensor that nobody else reads. Default false. */
  readonly inPlace?: boolean;
}

/** The kernels' view of q, k and v as columns of one matrix [N, (H + 2K) E]. */
export function packedShape(qkv: TensorSpec, attrs: PackedAttentionAttrs, adapterClass: AdapterClass): AttentionShape {
  const [rows, all, headDim] = qkv.shape as [number, number, number];
  const { heads, kvHeads, scale, window, arithmetic = 'f32' } = attrs;
  const stride = all * headDim;
  return {
    rows,
    heads,
    kvHeads,
    headDim,
    packed: true,
    qStride: stride,
    kStride: stride,
    vStride: stride,
    kOffset: heads * headDim,
    vOffset: (heads + kvHeads) * headDim,
    dtype: qkv.dtype as HeadDType,
    scale,
    window,
    arithmetic,
    adapterClass,
  };
}

/** The heads of packed q, k and v that a rotary embedding turns: all but the values. */
export function rotatedHeads(qkv: TensorSpec, { heads, kvHeads }: PackedAttentionAttrs) {
  const [rows, all, width] = qkv.shape as [number, number, number];
  return { rows, heads: all, rotated: heads + kvHeads, width };
}

/** q and k turned; in the input's own buffer if it may be overwritten, and can be bound. */
function turn(qkv: Tensor, positions: Tensor, table: Tensor, attrs: PackedAttentionAttrs): Tensor {
  const shape = { ...rotatedHeads(qkv, attrs), inverse: false };
  if (attrs.inPlace === true && qkv.isBindable) {
    const turned = qkv.view(qkv.shape, qkv.strides, qkv.offset);
    if (qkv.size > 0) launchPlan(planRope({ ...shape, inPlace: true }), [positions, table], [turned]);
    return turned;
  }
  const turned = Tensor.empty(qkv.device, qkv.shape, 'f32', 'tensor/attention/turned');
  if (qkv.size > 0) launchPlan(planRope(shape), [qkv, positions, table], [turned]);
  return turned;
}

export const packedAttentionOp: OpDef<PackedAttentionAttrs> = {
  name: 'packedAttention',
  integerInputs: [1, 2, 3],
  tolerance: 'fused',
  doc: 'attention whose q, k and v are the heads of one tensor qkv [N, H + 2K, E]: H query, K key and K value heads; with positions and a rotary table q and k are turned first. Outputs o [N, H, E], stats [N, H, 2] as of attention, and qkv as the attention read it where it is turned',
  differentiableOutputs: 1,
  infer: ([qkv, segStart, segEnd, positions, table], { heads, kvHeads }) => {
    const [rows, all, width] = qkv!.shape;
    const fits =
      qkv!.shape.length === 3 &&
      all === heads + 2 * kvHeads &&
      heads % kvHeads === 0 &&
      [segStart, segEnd].every((seg) => seg!.dtype === 'u32' && seg!.shape[0] === rows);
    const turns =
      positions === undefined ||
      (positions.dtype === 'u32' && positions.shape[0] === rows && width! % 2 === 0 && table?.shape[1] === width);
    if (!fits || !turns) {
      throw new ToolError('shape', {
        op: 'packedAttention',
        expected: `qkv [N, ${heads} + 2 * ${kvHeads}, E] with H a multiple of K, segStart and segEnd u32 [N], and positions u32 [N] with a table [P, E] of even E or neither`,
        got: [qkv, segStart, segEnd, positions, table]
          .flatMap((t) => (t === undefined ? [] : [`${t.dtype} ${formatShape(t.shape)}`]))
          .join(', '),
      });
    }
    return [
      { shape: [rows!, heads, width!], dtype: 'f32' },
      { shape: [rows!, heads, 2], dtype: 'f32' },
      ...(positions === undefined ? [] : [{ shape: qkv!.shape, dtype: 'f32' } as const]),
    ];
  },
  run: ([qkv, segStart, , positions, table], [out, statsSpec], attrs) => {
    const { device } = qkv!;
    checkArithmetic('packedAttention', device, attrs);
    const o = Tensor.empty(device, out!.shape, 'f32', 'tensor/attention');
    const stats = Tensor.empty(device, statsSpec!.shape, 'f32', 'tensor/attention/stats');
    const turned = positions === undefined ? undefined : turn(qkv!, positions, table!, attrs);
    if (o.size > 0) {
      const plan = planAttentionForward(packedShape(qkv!, attrs, device.adapterClass));
      launchPlan(plan, [turned ?? qkv!, segStart!], [o, stats]);
    }
    return [o, stats, ...(turned === undefined ? [] : [turned])];
  },
  reference: ([qkv, segStart, , positions, table], { heads, kvHeads, scale, window }) => {
    const [rows, all, headDim] = qkv!.shape as [number, number, number];
    const turned =
      positions === undefined
        ? qkv!
        : refArray(qkv!.shape, rotateHeads(qkv!, positions.data, table!.data, heads + kvHeads, false));
    const columns = (first: number, count: number): Float64Array =>
      Float64Array.from({ length: rows * count * headDim }, (_, i) => {
        const row = Math.floor(i / (count * headDim));
        return turned.data[(row * all + first) * headDim + (i % (count * headDim))]!;
      });
    const { o, lse } = attentionReference({
      q: columns(0, heads),
      k: columns(heads, kvHeads),
      v: columns(heads + kvHeads, kvHeads),
      segStart: segStart!.data,
      heads,
      kvHeads,
      headDim,
      scale,
      window,
    });
    return [
      refArray([rows, heads, headDim], o),
      statsOf([rows, heads], lse),
      ...(positions === undefined ? [] : [turned]),
    ];
  },
  samples: () => {
    const sample = (
      name: string,
      seed: number,
      lengths: readonly number[],
      [heads, kvHeads, width]: readonly [number, number, number],
      options: { readonly turned?: boolean; readonly window?: number } = {},
    ): OpSample<PackedAttentionAttrs> => {
      const rows = lengths.reduce((a, b) => a + b, 0);
      const rotary: RefArray[] = options.turned ? [indexArray(seed + 1, [rows], 20), sampleTable(20, width)] : [];
      return {
        name,
        inputs: [normalArray(seed, [rows, heads + 2 * kvHeads, width]), ...borders(lengths), ...rotary],
        attrs: { heads, kvHeads, scale: width ** -0.5, window: options.window ?? 0 },
        constant: [1, 2, 3, 4],
      };
    };
    return [
      sample('grouped', 701, [3, 1, 6], [4, 2, 8]),
      sample('one head, window', 703, [9, 4], [1, 1, 4], { window: 3 }),
      sample('turned', 705, [5, 2, 7], [2, 1, 8], { turned: true }),
      sample('turned, pairs apart from vectors', 707, [4, 3], [2, 2, 6], { turned: true }),
      sample('no tokens', 709, [], [2, 1, 4], { turned: true }),
    ];
  },
  fuzz: (draw) => {
    const kvHeads = draw.between(1, 3);
    const heads = kvHeads * draw.between(1, 3);
    const width = 2 * draw.of([1, 2, 3, 4, 8, 10, 16, 17]);
    const lengths = drawLengths(draw);
    const rows = lengths.reduce((a, b) => a + b, 0);
    const turned = draw.oneIn(2);
    return {
      name: `lengths ${lengths}, ${heads} on ${kvHeads} heads of ${width}${turned ? ', turned' : ''}`,
      inputs: [
        draw.normals([rows, heads + 2 * kvHeads, width]),
        ...borders(lengths),
        ...(turned ? [draw.integers([rows], 0, 29), sampleTable(30, width)] : []),
      ],
      attrs: { heads, kvHeads, scale: width ** -0.5, window: draw.oneIn(2) ? 0 : draw.between(1, 20) },
      constant: [1, 2, 3, 4],
    };
  },
  errors: () => [
    {
      name: 'another count of heads',
      inputs: [
        { shape: [4, 7, 8], dtype: 'f32' },
        { shape: [4], dtype: 'u32' },
        { shape: [4], dtype: 'u32' },
      ],
      attrs: { heads: 4, kvHeads: 2, scale: 1, window: 0 },
      code: 'shape',
    },
    {
      name: 'positions without a table',
      inputs: [
        { shape: [4, 8, 8], dtype: 'f32' },
        { shape: [4], dtype: 'u32' },
        { shape: [4], dtype: 'u32' },
        { shape: [4], dtype: 'u32' },
      ],
      attrs: { heads: 4, kvHeads: 2, scale: 1, window: 0 },
      code: 'shape',
    },
  ],
};

/**
 * Attention of packed heads, as one projection gives them. qkv [N, H + 2K, E]: [N, H, E]. With `rotary` q and
 * k are turned first. Its gradient is one tensor laid out like qkv.
 */
export function packedAttention(qkv: Tensor, segments: Segments, attrs: PackedAttentionAttrs, rotary?: Rotary): Tensor {
  const inputs = [qkv, segments.start, segments.end, ...(rotary ? [rotary.positions, rotary.table] : [])];
  return applyOp(packedAttentionOp, inputs, attrs)[0]!;
}
