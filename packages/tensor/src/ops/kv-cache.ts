import { planCacheAppend } from '../kernels/attention-cache.wgsl.ts';
import { planAttentionDecode } from '../kernels/attention-decode.wgsl.ts';
import { Tensor } from '../tensor.ts';
import type { AttentionAttrs } from './attention.ts';
import { launchPlan } from './launch-plan.ts';

/** Keys and values of past tokens: [B, capacity, K, E] each. */
export interface KvCacheLayer {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/**
 * Writes rows of keys and values [N, K, E] into the cache at (slot, position), u32 [N] each; rows whose
 * slot or position lies outside are left out. In place, not seen by autograd.
 */
export function appendToCache(cache: KvCacheLayer, k: Tensor, v: Tensor, slot: Tensor, position: Tensor): void {
  const [batch, capacity, kvHeads, headDim] = cache.keys.shape as [number, number, number, number];
  if (k.size === 0) return;
  const plan = planCacheAppend({ rows: k.shape[0]!, batch, capacity, kvHeads, headDim });
  launchPlan(plan, [k, v, slot, position], [cache.keys, cache.values]);
}

/**
 * Attention of one new query a sequence over its cache. q [B, H, E]; length u32 [B], the valid rows with
 * the new one: [B, H, E]. Not seen by autograd.
 */
export function attendCache(q: Tensor, cache: KvCacheLayer, length: Tensor, attrs: AttentionAttrs): Tensor {
  const [batch, heads, headDim] = q.shape as [number, number, number];
  const [, capacity, kvHeads] = cache.keys.shape as [number, number, number];
  const o = Tensor.empty(q.device, q.shape, 'f32', 'tensor/attention/decode');
  const plan = planAttentionDecode({
    batch,
    heads,
    kvHeads,
    headDim,
    capacity,
    ...attrs,
    adapterClass: q.device.adapterClass,
  });
  launchPlan(plan, [q, cache.keys, cache.values, length], [o]);
  return o;
}
