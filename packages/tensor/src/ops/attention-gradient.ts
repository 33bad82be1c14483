import { canTurnBack, planAttentionBackwardKV, planAttentionBackwardQ } from '../kernels/attention-backward.wgsl.ts';
import { headNormParts, planHeadNormGradient } from '../kernels/head-norm.wgsl.ts';
import { planRope } from '../kernels/rope.wgsl.ts';
import { Tensor } from '../tensor.ts';
import { type AttentionAttrs, attentionShape, type Segments } from './attention.ts';
import { bindable } from './launch-elementwise.ts';
import { launchPlan } from './launch-plan.ts';
import { type HeadNorms, type PackedAttentionAttrs, packedShape, rotatedHeads } from './packed-attention.ts';
import type { Rotary } from './rope.ts';

interface ForwardResults {
  readonly segments: Segments;
  readonly o: Tensor;
  /** The second output of the forward pass; the backward pass completes it. */
  readonly stats: Tensor;
  readonly dO: Tensor;
}

/** What the backward pass of `attention` reads. */
export interface AttentionGradientInputs extends ForwardResults {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/** What the backward pass of `packedAttention` reads. */
export interface PackedAttentionGradientInputs extends ForwardResults {
  /** As the attention read it: with q and k turned, if they are. */
  readonly qkv: Tensor;
  readonly rotary?: Rotary;
}

/** Gradients by q, k and v in f32, recomputed from the log-sum-exp in two launches. Not seen by autograd. */
export function launchAttentionGradient(
  { q, k, v, segments, o, stats, dO }: AttentionGradientInputs,
  attrs: AttentionAttrs,
): { dQ: Tensor; dK: Tensor; dV: Tensor } {
  const device = q.device;
  const [dQ, dK, dV] = [q, k, v].map((tensor, i) =>
    Tensor.empty(device, tensor.shape, 'f32', `tensor/attention/d${'qkv'[i]}`),
  ) as [Tensor, Tensor, Tensor];
  if (q.size === 0) return { dQ, dK, dV };
  const shape = attentionShape(q, k, attrs, device.adapterClass);
  withBindable([q, k, v, dO], ([plainQ, plainK, plainV, plainDO]) => {
    const sources = [plainQ!, plainK!, plainV!];
    // The first launch completes the stats for the second.
    launchPlan(planAttentionBackwardQ(shape), [...sources, segments.start, plainDO!, o], [stats, dQ]);
    launchPlan(planAttentionBackwardKV(shape), [...sources, segments.end, plainDO!, stats], [dK, dV]);
  });
  return { dQ, dK, dV };
}

/** The gradient by packed q, k and v, laid out like them, with the turn of a rotary table undone. */
export function launchPackedAttentionGradient(
  { qkv, segments, o, stats, dO, rotary }: PackedAttentionGradientInputs,
  attrs: PackedAttentionAttrs,
): Tensor {
  const device = qkv.device;
  const dQkv = Tensor.empty(device, qkv.shape, 'f32', 'tensor/attention/dqkv');
  if (qkv.size === 0) return dQkv;
  const shape = packedShape(qkv, attrs, device.adapterClass);
  const turned = rotary !== undefined && canTurnBack(shape);
  withBindable([qkv, dO, ...(rotary ? [rotary.table] : [])], ([source, plainDO, table]) => {
    const turn = turned ? [rotary.positions, table!] : [];
    const ofQ = [source!, segments.start, plainDO!, o, ...turn];
    const ofKV = [source!, segments.end, plainDO!, stats, ...turn];
    launchPlan(planAttentionBackwardQ(shape, turned), ofQ, [stats, dQkv]);
    launchPlan(planAttentionBackwardKV(shape, turned), ofKV, [dQkv]);
    if (rotary !== undefined && !turned) {
      launchPlan(
        planRope({ ...rotatedHeads(qkv, attrs), inverse: true, inPlace: true }),
        [rotary.positions, table!],
        [dQkv],
      );
    }
  });
  return dQkv;
}

/** What the gradient of the norms of packed heads gives. */
export interface HeadNormGradients {
  /** Shares of the gradient by the query weight [parts, E], to be added up; those of the key weight. */
  readonly querySums: Tensor;
  readonly keySums: Tensor;
}

/**
 * Turns the gradient by normalised heads, [N, H + 2K, E], into that by `qkv`, the heads before the norms, where it
 * lies. One launch, not seen by autograd.
 */
export function launchHeadNormGradient(
  qkv: Tensor,
  norms: HeadNorms,
  dQkv: Tensor,
  { heads, kvHeads }: PackedAttentionAttrs,
): HeadNormGradients {
  const { device } = qkv;
  const [rows, , headDim] = qkv.shape as [number, number, number];
  const shape = { rows, heads, kvHeads, headDim, eps: norms.eps };
  const { queryParts, keyFirst, keyParts } = headNormParts(shape);
  const sums = Tensor.empty(device, [keyFirst + keyParts, headDim], 'f32', 'tensor/attention/head-norm/sums');
  if (qkv.size > 0) {
    launchPlan(planHeadNormGradient(shape, device.adapterClass), [qkv, norms.query, norms.key], [dQkv, sums]);
  }
  const part = (first: number, count: number): Tensor =>
    sums.view([count, headDim], sums.strides, sums.offset + first * headDim);
  return { querySums: part(0, queryParts), keySums: part(keyFirst, keyParts) };
}

/** Runs `body` on the tensors, or on compact copies of those that kernels cannot bind. */
function withBindable(tensors: readonly Tensor[], body: (plain: readonly Tensor[]) => void): void {
  const plain = tensors.map(bindable);
  body(plain);
  plain.forEach((tensor, i) => {
    if (tensor !== tensors[i]) tensor.dispose();
  });
}
