import { ToolError } from '../errors.ts';
import { planCacheAppend } from '../kernels/attention-cache.wgsl.ts';
import { planAttentionDecode } from '../kernels/attention-decode.wgsl.ts';
import type { HeadDType } from '../kernels/attention-tile.wgsl.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchPlan } from './launch-plan.ts';
import type { HeadNorms, PackedAttentionAttrs } from './packed-attention.ts';

/** Keys and values of past tokens: [B, capacity, K, E] each, in f32, f16 or bf16. */
export interface KvCacheLayer {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** Which rows go where; u32 [n] each. */
export interface CacheRows {
  /** Row of the source. */
  readonly source: Tensor;
  /** Slot and row of the cache; rows that lie outside are left out. */
  readonly slot: Tensor;
  readonly position: Tensor;
}

function checkLayer(op: string, { keys, values }: KvCacheLayer, expected: string, fits: boolean, got: Tensor): void {
  const alike = keys.dtype === values.dtype && keys.shape.join() === values.shape.join();
  if (keys.rank === 4 && alike && ['f32', 'f16', 'bf16'].includes(keys.dtype) && fits && got.dtype === 'f32') return;
  throw new ToolError('shape', {
    op,
    expected: `caches [B, capacity, K, E] of one float type and ${expected}`,
    got: [keys, values, got].map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`).join(', '),
  });
}

/**
 * Writes rows of kv [N, 2K, E], key heads before value heads, into the cache. In place, not seen by autograd.
 */
export function appendToCache(cache: KvCacheLayer, kv: Tensor, rows: CacheRows): void {
  const [batch, capacity, kvHeads, headDim] = cache.keys.shape as [number, number, number, number];
  const fits = kv.rank === 3 && kv.shape[1] === 2 * kvHeads && kv.shape[2] === headDim;
  checkLayer('appendToCache', cache, 'kv [N, 2K, E] in f32', fits, kv);
  const count = rows.source.size;
  if (count === 0) return;
  const plan = planCacheAppend({ count, batch, capacity, kvHeads, headDim, dtype: cache.keys.dtype as HeadDType });
  launchPlan(plan, [kv, rows.source, rows.slot, rows.position], [cache.keys, cache.values]);
}

/**
 * One new token a sequence: normalises the heads of its query and key, turns them by the angles of its place,
 * writes its key and value into the cache and attends to the rows up to it, of which a `window` sees the last.
 * qkv [B, H + 2K, E]; length u32 [B], the rows with the new one, 0 for an idle sequence; `table` as of `rope` and
 * `norms`, if there are any: [B, H, E]. One launch, not seen by autograd. Throws ToolError 'shape'.
 */
export function attendCache(
  qkv: Tensor,
  cache: KvCacheLayer,
  length: Tensor,
  attrs: PackedAttentionAttrs,
  table?: Tensor,
  norms?: HeadNorms,
): Tensor {
  const { heads, kvHeads, scale, window } = attrs;
  const [batch, , headDim] = qkv.shape as [number, number, number];
  const [slots, capacity, cachedHeads, width] = cache.keys.shape as [number, number, number, number];
  const fits =
    qkv.rank === 3 &&
    qkv.shape[1] === heads + 2 * kvHeads &&
    batch === slots &&
    kvHeads === cachedHeads &&
    headDim === width;
  checkLayer('attendCache', cache, `qkv [B, ${heads} + 2 * ${kvHeads}, E] in f32`, fits, qkv);
  for (const weight of norms === undefined ? [] : [norms.query, norms.key]) {
    if (weight.dtype === 'f32' && weight.rank === 1 && weight.shape[0] === headDim) continue;
    throw new ToolError('shape', {
      op: 'attendCache',
      expected: `weights of norms in f32 [${headDim}]`,
      got: `${weight.dtype} ${formatShape(weight.shape)}`,
    });
  }
  const o = Tensor.empty(qkv.device, [batch, heads, headDim], 'f32', 'tensor/attention/decode');
  if (o.size === 0) return o;
  const plan = planAttentionDecode({
    batch,
    heads,
    kvHeads,
    headDim,
    capacity,
    scale,
    window,
    dtype: cache.keys.dtype as HeadDType,
    turned: table !== undefined,
    normEps: norms?.eps,
    adapterClass: qkv.device.adapterClass,
  });
  const optional = [...(table ? [table] : []), ...(norms ? [norms.query, norms.key] : [])];
  launchPlan(plan, [qkv, length, ...optional], [cache.keys, cache.values, o]);
  return o;
}
