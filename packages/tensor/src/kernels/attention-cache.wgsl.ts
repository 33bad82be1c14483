import { ToolError } from '../errors.ts';
import { linearWorkgroups } from '../gpu/kernel.ts';
import type { AttentionPlan } from './attention-tile.wgsl.ts';

/*
 * Math     kCache[slot_r, position_r] = k_r and vCache[slot_r, position_r] = v_r for every source row r
 * Layout   k and v [rows, K, E] with row strides; slot and position u32[rows]; caches [B, capacity, K, E].
 *          Rows of a packed prefill and the one new row a sequence of a decode step are the same thing here.
 * Dispatch a thread a vec4 (or number) of a row, both caches.
 * Memory   2 reads and 2 writes of rows * K * E numbers.
 * Numerics a copy.
 * Limits   a row whose slot or position lies outside the cache is left out, so that padding rows may
 *          carry 0xffffffff and a full cache cannot run into the next sequence. Two rows with the same
 *          (slot, position) race: the caller must not pass them.
 */

interface CacheAppendShape {
  /** Source rows. */
  readonly rows: number;
  /** Slots of the cache. */
  readonly batch: number;
  /** Tmax: rows of a slot. */
  readonly capacity: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Elements from one source row to the next, and the first one. Default kvHeads * headDim and 0. */
  readonly kStride?: number;
  readonly vStride?: number;
  readonly kOffset?: number;
  readonly vOffset?: number;
}

const THREADS = 64;

/** Bindings: k, v, slot, position, kCache, vCache (both written). */
export function planCacheAppend(shape: CacheAppendShape): AttentionPlan {
  const { rows, batch, capacity, kvHeads, headDim } = shape;
  const width = kvHeads * headDim;
  const { kStride = width, vStride = width, kOffset = 0, vOffset = 0 } = shape;
  if (kStride < width || vStride < width) {
    throw new ToolError('shape', {
      op: 'cache append',
      expected: `row strides of at least ${width}`,
      got: `${kStride} and ${vStride}`,
    });
  }
  if (batch * capacity * width >= 2 ** 31) {
    throw new ToolError('limit', {
      op: 'cache append',
      expected: 'fewer than 2^31 numbers in a cache',
      got: `${batch} slots of ${capacity} rows of ${width}`,
    });
  }
  const vec = [width, kStride, vStride, kOffset, vOffset].every((value) => value % 4 === 0) ? 4 : 1;
  const element = vec === 4 ? 'vec4<f32>' : 'f32';
  const names = ['rows', 'batch', 'capacity', 'width', 'kStride', 'vStride', 'kOffset', 'vOffset'];
  return {
    kernel: {
      key: `attention/cache-append/v${vec}`,
      label: 'tensor/attention/cache-append',
      bindings: [
        { name: 'k', access: 'read', element },
        { name: 'v', access: 'read', element },
        { name: 'slot', access: 'read', element: 'u32' },
        { name: 'position', access: 'read', element: 'u32' },
        { name: 'kCache', access: 'read_write', element },
        { name: 'vCache', access: 'read_write', element },
      ],
      params: names.map((name) => ({ name, type: 'u32' })),
      body: () => `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = (group.x + group.y * groups.x) * ${THREADS}u + lane;
  let row = id / params.width;
  if (row >= params.rows) { return; }
  let x = id - row * params.width;
  if (slot[row] >= params.batch || position[row] >= params.capacity) { return; }
  let at = (slot[row] * params.capacity + position[row]) * params.width + x;
  kCache[at] = k[params.kOffset + row * params.kStride + x];
  vCache[at] = v[params.vOffset + row * params.vStride + x];
}
`,
    },
    params: [rows, batch, capacity, ...[width, kStride, vStride, kOffset, vOffset].map((value) => value / vec)],
    workgroups: linearWorkgroups(Math.ceil((rows * width) / vec / THREADS)),
    flops: 0,
    bytes: 4 * rows * (4 * width + 2),
  };
}
