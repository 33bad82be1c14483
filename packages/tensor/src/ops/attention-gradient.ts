import {
  planAttentionBackwardKV,
  planAttentionBackwardQ,
  planAttentionBackwardStats,
} from '../kernels/attention-backward.wgsl.ts';
import { Tensor } from '../tensor.ts';
import { type AttentionAttrs, attentionShape, type Segments } from './attention.ts';
import { bindable } from './launch-elementwise.ts';
import { launchPlan } from './launch-plan.ts';

export interface AttentionGradientInputs {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly segments: Segments;
  readonly o: Tensor;
  readonly lse: Tensor;
  readonly dO: Tensor;
}

/** Gradients by q, k and v, recomputed from the log-sum-exp in three launches. Not seen by autograd. */
export function launchAttentionGradient(
  { q, k, v, segments, o, lse, dO }: AttentionGradientInputs,
  attrs: AttentionAttrs,
): { dQ: Tensor; dK: Tensor; dV: Tensor } {
  const device = q.device;
  const [dQ, dK, dV] = [q, k, v].map((tensor, i) =>
    Tensor.empty(device, tensor.shape, 'f32', `tensor/attention/d${'qkv'[i]}`),
  ) as [Tensor, Tensor, Tensor];
  if (q.size === 0) return { dQ, dK, dV };
  const shape = attentionShape(q, k, attrs, device.adapterClass);
  const originals = [q, k, v, dO];
  const sources = originals.map(bindable) as [Tensor, Tensor, Tensor, Tensor];
  const stats = Tensor.empty(device, [...lse.shape, 2], 'f32', 'tensor/attention/stats');
  launchPlan(planAttentionBackwardStats(shape), [sources[3], o, lse], [stats]);
  launchPlan(planAttentionBackwardQ(shape), [...sources.slice(0, 3), segments.start, sources[3], stats], [dQ]);
  launchPlan(planAttentionBackwardKV(shape), [...sources.slice(0, 3), segments.end, sources[3], stats], [dK, dV]);
  for (const tensor of [stats, ...sources.filter((source, i) => source !== originals[i])]) tensor.dispose();
  return { dQ, dK, dV };
}
