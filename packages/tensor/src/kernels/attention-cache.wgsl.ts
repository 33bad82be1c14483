import { ToolError } from '../errors.ts';
import { linearWorkgroups } from '../gpu/kernel.ts';
import { cacheBinding, storeCached } from './attention-heads.wgsl.ts';
import type { AttentionPlan, HeadDType } from './attention-tile.wgsl.ts';
import { packFunctions } from './lib/element.wgsl.ts';

/*
 * Math     kCache[slot_r, position_r] = k_s and vCache[slot_r, position_r] = v_s with s = source_r, for every r
 * Layout   kv [rows, 2K, E], the key heads of a row before its value heads; source, slot and position u32[count];
 *          caches [B, capacity, K, E] in f32 or in 16 bits.
 * Dispatch a thread a vec4 (or number) of a row, both caches.
 * Memory   2 reads and 2 writes of count * K * E numbers.
 * Numerics a copy, rounded to the nearest even where the caches have 16 bits.
 * Limits   a row whose slot or position lies outside the cache is left out. Two rows with the same (slot,
 *          position) race: the caller must not pass them. 16-bit caches take head widths of multiples of 4.
 */

interface CacheAppendShape {
  /** Rows to write. */
  readonly count: number;
  /** Slots of the cache. */
  readonly batch: number;
  /** Tmax: rows of a slot. */
  readonly capacity: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Of the caches. Default f32. */
  readonly dtype?: HeadDType;
}

const THREADS = 64;

/** Throws ToolError 'shape' or 'limit' for a cache that the kernels cannot address. */
export function checkCache(op: string, shape: Omit<CacheAppendShape, 'count'>): void {
  const { batch, capacity, kvHeads, headDim, dtype = 'f32' } = shape;
  if (batch * capacity * kvHeads * headDim >= 2 ** 31) {
    throw new ToolError('limit', {
      op,
      expected: 'fewer than 2^31 numbers in a cache',
      got: `${batch} slots of ${capacity} rows of ${kvHeads * headDim}`,
    });
  }
  if (dtype !== 'f32' && headDim % 4 !== 0) {
    throw new ToolError('shape', {
      op,
      expected: `a head width in multiples of 4 for a cache in ${dtype}`,
      got: String(headDim),
      hint: 'keep this cache in f32.',
    });
  }
}

/** Bindings: kv, source, slot, position, kCache, vCache (both written). */
export function planCacheAppend(shape: CacheAppendShape): AttentionPlan {
  checkCache('cache append', shape);
  const { count, batch, capacity, kvHeads, headDim, dtype = 'f32' } = shape;
  const width = kvHeads * headDim;
  const vec = headDim % 4 === 0 ? 4 : 1;
  return {
    kernel: {
      key: `attention/cache-append/v${vec}/${dtype}`,
      label: 'tensor/attention/cache-append',
      bindings: [
        { name: 'kv', access: 'read', element: vec === 4 ? 'vec4<f32>' : 'f32' },
        ...['source', 'slot', 'position'].map((name) => ({ name, access: 'read', element: 'u32' }) as const),
        cacheBinding('kCache', 'read_write', vec, dtype),
        cacheBinding('vCache', 'read_write', vec, dtype),
      ],
      params: ['count', 'batch', 'capacity', 'width'].map((name) => ({ name, type: 'u32' })),
      body: () => `${dtype === 'f32' ? '' : packFunctions(dtype)}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = (group.x + group.y * groups.x) * ${THREADS}u + lane;
  let row = id / params.width;
  if (row >= params.count) { return; }
  let x = id - row * params.width;
  if (slot[row] >= params.batch || position[row] >= params.capacity) { return; }
  let at = (slot[row] * params.capacity + position[row]) * params.width + x;
  let first = source[row] * 2u * params.width + x;
  ${storeCached('kCache', 'at', 'kv[first]', dtype)}
  ${storeCached('vCache', 'at', 'kv[first + params.width]', dtype)}
}
`,
    },
    params: [count, batch, capacity, width / vec],
    workgroups: linearWorkgroups(Math.ceil((count * width) / vec / THREADS)),
    flops: 0,
    bytes: count * (8 * width + 2 * width * (dtype === 'f32' ? 4 : 2) + 12),
  };
}
