import { ToolError } from '../errors.ts';
import type { AdapterClass } from '../gpu/adapter.ts';
import { planAttentionForward } from '../kernels/attention-forward.wgsl.ts';
import { attentionReference } from '../kernels/attention-reference.ts';
import type { AttentionShape, HeadDType } from '../kernels/attention-tile.wgsl.ts';
import { planHeadNorm } from '../kernels/head-norm.wgsl.ts';
import { planRope } from '../kernels/rope.wgsl.ts';
import { applyOp, isObserved, type OpDef, type OpSample, type RefArray, type TensorSpec } from '../op.ts';
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
  /**
   * The norms of heads and the rotation may overwrite their input. Only for a tensor that nobody else reads. Norms
   * leave it alone while a tape watches: their gradient reads it. Default false.
   */
  readonly inPlace?: boolean;
}

/**
 * RMS norms of each query and each key head, before they are turned: x / sqrt(mean(x^2) + eps) * weight over the
 * width of a head, as Qwen3 has them. Values are untouched.
 */
export interface HeadNorms {
  /** Weights of the query heads, f32 [E]. */
  readonly query: Tensor;
  /** Weights of the key heads, f32 [E]. */
  readonly key: Tensor;
  readonly eps: number;
}

/** As the op has them: the weights of norms are its last two inputs. */
export interface PackedAttentionOpAttrs extends PackedAttentionAttrs {
  /** Epsilon of the norms, if there are any. */
  readonly normEps?: number;
}

/** The inputs of the op, by name. Its shape rule has seen to it that the optional ones come in pairs. */
export function packedInputs<T>(inputs: readonly T[], { normEps }: PackedAttentionOpAttrs) {
  const [qkv, segStart, segEnd] = inputs as readonly [T, T, T];
  const rest = inputs.slice(3);
  const norms = normEps === undefined ? [] : rest.splice(-2);
  return {
    qkv,
    segments: { start: segStart, end: segEnd },
    rotary: rest.length === 0 ? undefined : { positions: rest[0]!, table: rest[1]! },
    norms: norms.length === 0 ? undefined : { query: norms[0]!, key: norms[1]! },
  };
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

/** q and k normalised and turned; in the input's own buffer if it may be overwritten, and can be bound. */
function prepare(inputs: readonly Tensor[], attrs: PackedAttentionOpAttrs): Tensor {
  const { qkv, rotary, norms } = packedInputs(inputs, attrs);
  const { heads, kvHeads, normEps: eps } = attrs;
  const inPlace = attrs.inPlace === true && qkv.isBindable && (norms === undefined || !isObserved());
  const prepared = inPlace
    ? qkv.view(qkv.shape, qkv.strides, qkv.offset)
    : Tensor.empty(qkv.device, qkv.shape, 'f32', 'tensor/attention/turned');
  if (qkv.size === 0) return prepared;
  const angles = rotary === undefined ? [] : [rotary.positions, rotary.table];
  const source = inPlace ? [] : [qkv];
  const [rows, , headDim] = qkv.shape as [number, number, number];
  const plan =
    norms === undefined || eps === undefined
      ? planRope({ ...rotatedHeads(qkv, attrs), inverse: false, inPlace })
      : planHeadNorm({
          ...{ rows, heads, kvHeads, headDim, eps, inPlace },
          turned: rotary !== undefined,
          adapterClass: qkv.device.adapterClass,
        });
  const weights = norms === undefined ? [] : [norms.query, norms.key];
  launchPlan(plan, [...source, ...weights, ...angles], [prepared]);
  return prepared;
}

/** The same in float64. */
function prepareReference(inputs: readonly RefArray[], attrs: PackedAttentionOpAttrs): RefArray {
  const { qkv, rotary, norms } = packedInputs(inputs, attrs);
  const { heads, kvHeads, normEps: eps } = attrs;
  const normed =
    norms === undefined || eps === undefined
      ? qkv
      : refArray(qkv.shape, normaliseHeads(qkv, [norms.query.data, norms.key.data], { heads, kvHeads, eps }));
  if (rotary === undefined) return normed;
  return refArray(qkv.shape, rotateHeads(normed, rotary.positions.data, rotary.table.data, heads + kvHeads, false));
}

/** Query and key heads of packed qkv after their norms, in float64. */
export function normaliseHeads(
  qkv: RefArray,
  [query, key]: readonly [Float64Array, Float64Array],
  { heads, kvHeads, eps }: { readonly heads: number; readonly kvHeads: number; readonly eps: number },
): Float64Array {
  const [, all, width] = qkv.shape as [number, number, number];
  return qkv.data.map((value, i) => {
    const head = Math.floor(i / width) % all;
    if (head >= heads + kvHeads) return value;
    const first = i - (i % width);
    const squares = qkv.data.subarray(first, first + width).reduce((a, v) => a + v * v, 0);
    return (value / Math.sqrt(squares / width + eps)) * (head < heads ? query : key)[i % width]!;
  });
}

export const packedAttentionOp: OpDef<PackedAttentionOpAttrs> = {
  name: 'packedAttention',
  integerInputs: [1, 2, 3],
  tolerance: 'fused',
  doc: 'attention whose q, k and v are the heads of one tensor qkv [N, H + 2K, E]: H query, K key and K value heads; with weights [E] of norms q and k are normalised first, with positions and a rotary table turned. Outputs o [N, H, E], stats [N, H, 2] as of attention, and qkv as the attention read it where it is normalised or turned',
  differentiableOutputs: 1,
  infer: (inputs, attrs) => {
    const { heads, kvHeads, normEps } = attrs;
    const { qkv, segments, rotary, norms } = packedInputs(inputs, attrs);
    const [rows, all, width] = qkv.shape;
    const fits =
      inputs.length % 2 === 1 &&
      qkv.shape.length === 3 &&
      all === heads + 2 * kvHeads &&
      heads % kvHeads === 0 &&
      [segments.start, segments.end].every((seg) => seg.dtype === 'u32' && seg.shape[0] === rows);
    const turns =
      !fits ||
      rotary === undefined ||
      (rotary.positions.dtype === 'u32' &&
        rotary.positions.shape[0] === rows &&
        width! % 2 === 0 &&
        rotary.table.shape[1] === width);
    const normalises =
      !fits ||
      norms === undefined ||
      [norms.query, norms.key].every((weight) => weight.shape.length === 1 && weight.shape[0] === width);
    if (!fits || !turns || !normalises) {
      throw new ToolError('shape', {
        op: 'packedAttention',
        expected: `qkv [N, ${heads} + 2 * ${kvHeads}, E] with H a multiple of K, segStart and segEnd u32 [N], and positions u32 [N] with a table [P, E] of even E or neither${normEps === undefined ? '' : ', and two weights [E] of norms'}`,
        got: inputs.map((t) => `${t.dtype} ${formatShape(t.shape)}`).join(', '),
      });
    }
    return [
      { shape: [rows!, heads, width!], dtype: 'f32' },
      { shape: [rows!, heads, 2], dtype: 'f32' },
      ...(rotary === undefined && norms === undefined ? [] : [{ shape: qkv.shape, dtype: 'f32' } as const]),
    ];
  },
  run: (inputs, [out, statsSpec, preparedSpec], attrs) => {
    const [qkv, segStart] = inputs as [Tensor, Tensor];
    const { device } = qkv;
    checkArithmetic('packedAttention', device, attrs);
    const o = Tensor.empty(device, out!.shape, 'f32', 'tensor/attention');
    const stats = Tensor.empty(device, statsSpec!.shape, 'f32', 'tensor/attention/stats');
    const prepared = preparedSpec === undefined ? undefined : prepare(inputs, attrs);
    if (o.size > 0) {
      const plan = planAttentionForward(packedShape(qkv, attrs, device.adapterClass));
      launchPlan(plan, [prepared ?? qkv, segStart], [o, stats]);
    }
    return [o, stats, ...(prepared === undefined ? [] : [prepared])];
  },
  reference: (inputs, attrs) => {
    const { heads, kvHeads, scale, window } = attrs;
    const { qkv, segments, rotary, norms } = packedInputs(inputs, attrs);
    const [rows, all, headDim] = qkv.shape as [number, number, number];
    const prepared = prepareReference(inputs, attrs);
    const columns = (first: number, count: number): Float64Array =>
      Float64Array.from({ length: rows * count * headDim }, (_, i) => {
        const row = Math.floor(i / (count * headDim));
        return prepared.data[(row * all + first) * headDim + (i % (count * headDim))]!;
      });
    const { o, lse } = attentionReference({
      q: columns(0, heads),
      k: columns(heads, kvHeads),
      v: columns(heads + kvHeads, kvHeads),
      segStart: segments.start.data,
      heads,
      kvHeads,
      headDim,
      scale,
      window,
    });
    return [
      refArray([rows, heads, headDim], o),
      statsOf([rows, heads], lse),
      ...(rotary === undefined && norms === undefined ? [] : [prepared]),
    ];
  },
  samples: () => {
    const sample = (
      name: string,
      seed: number,
      lengths: readonly number[],
      [heads, kvHeads, width]: readonly [number, number, number],
      options: { readonly turned?: boolean; readonly window?: number; readonly normed?: boolean } = {},
    ): OpSample<PackedAttentionOpAttrs> => {
      const rows = lengths.reduce((a, b) => a + b, 0);
      const rotary: RefArray[] = options.turned ? [indexArray(seed + 1, [rows], 20), sampleTable(20, width)] : [];
      return {
        name,
        inputs: [
          normalArray(seed, [rows, heads + 2 * kvHeads, width]),
          ...borders(lengths),
          ...rotary,
          ...(options.normed ? [normalArray(seed + 2, [width], 0.2, 1), normalArray(seed + 3, [width], 0.2, 1)] : []),
        ],
        attrs: {
          ...{ heads, kvHeads, scale: width ** -0.5, window: options.window ?? 0 },
          ...(options.normed ? { normEps: 1e-6 } : {}),
        },
        constant: options.turned ? [1, 2, 3, 4] : [1, 2],
      };
    };
    return [
      sample('grouped', 701, [3, 1, 6], [4, 2, 8]),
      sample('one head, window', 703, [9, 4], [1, 1, 4], { window: 3 }),
      sample('turned', 705, [5, 2, 7], [2, 1, 8], { turned: true }),
      sample('turned, pairs apart from vectors', 707, [4, 3], [2, 2, 6], { turned: true }),
      sample('no tokens', 709, [], [2, 1, 4], { turned: true }),
      sample('normalised and turned', 711, [5, 2, 7], [4, 2, 8], { turned: true, normed: true }),
      sample('normalised and turned, pairs apart from vectors', 715, [4, 3], [2, 1, 6], { turned: true, normed: true }),
      sample('normalised, odd width, window', 719, [9, 4], [3, 1, 5], { normed: true, window: 4 }),
      sample('normalised, more heads than a block', 723, [40, 33], [2, 1, 4], { turned: true, normed: true }),
      sample('normalised, no tokens', 727, [], [2, 1, 4], { normed: true }),
    ];
  },
  fuzz: (draw) => {
    const kvHeads = draw.between(1, 3);
    const heads = kvHeads * draw.between(1, 3);
    const width = 2 * draw.of([1, 2, 3, 4, 8, 10, 16, 17]);
    const lengths = drawLengths(draw);
    const rows = lengths.reduce((a, b) => a + b, 0);
    const turned = draw.oneIn(2);
    const normed = draw.oneIn(2);
    return {
      name: `lengths ${lengths}, ${heads} on ${kvHeads} heads of ${width}${turned ? ', turned' : ''}${normed ? ', normalised' : ''}`,
      inputs: [
        draw.normals([rows, heads + 2 * kvHeads, width]),
        ...borders(lengths),
        ...(turned ? [draw.integers([rows], 0, 29), sampleTable(30, width)] : []),
        ...(normed ? [draw.normals([width]), draw.normals([width])] : []),
      ],
      attrs: {
        ...{ heads, kvHeads, scale: width ** -0.5, window: draw.oneIn(2) ? 0 : draw.between(1, 20) },
        ...(normed ? { normEps: 1e-5 } : {}),
      },
      constant: turned ? [1, 2, 3, 4] : [1, 2],
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
      name: 'a weight of another width',
      inputs: [
        { shape: [4, 8, 8], dtype: 'f32' },
        { shape: [4], dtype: 'u32' },
        { shape: [4], dtype: 'u32' },
        { shape: [8], dtype: 'f32' },
        { shape: [4], dtype: 'f32' },
      ],
      attrs: { heads: 4, kvHeads: 2, scale: 1, window: 0, normEps: 1e-6 },
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
 * Attention of packed heads, as one projection gives them. qkv [N, H + 2K, E]: [N, H, E]. With `norms` q and k are
 * normalised first, with `rotary` turned, both in one launch. The gradient by qkv is one tensor laid out like it.
 */
export function packedAttention(
  qkv: Tensor,
  segments: Segments,
  attrs: PackedAttentionAttrs,
  rotary?: Rotary,
  norms?: HeadNorms,
): Tensor {
  const inputs = [
    ...[qkv, segments.start, segments.end],
    ...(rotary ? [rotary.positions, rotary.table] : []),
    ...(norms ? [norms.query, norms.key] : []),
  ];
  return applyOp(packedAttentionOp, inputs, norms ? { ...attrs, normEps: norms.eps } : attrs)[0]!;
}
