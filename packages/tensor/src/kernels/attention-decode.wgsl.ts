import { ToolError } from '../errors.ts';
import type { AdapterClass } from '../gpu/adapter.ts';
import { linearWorkgroups } from '../gpu/kernel.ts';
import { headBinding, headUnits, loadFunction } from './attention-heads.wgsl.ts';
import {
  type AttentionPlan,
  type AttentionTile,
  EXP2_WGSL,
  each,
  MAX_HEAD_DIM,
  sumOf,
} from './attention-tile.wgsl.ts';

/*
 * Math     o_b = sum_j p_j v_j over the cached rows max(0, length_b - window) <= j < length_b, p = softmax(scale q·k)
 * Layout   q and o [B, H, E] (q with a row stride); kCache and vCache [B, capacity, K, E]; length u32[B].
 *          A length of 0 gives zeros; one over the capacity counts as the capacity.
 * Dispatch a workgroup a (sequence, head); each thread takes every THREADS-th key with an online softmax
 *          of its own; the partial results meet in workgroup memory in thread order.
 * Memory   the valid part of both caches once per query head of a group, q and o once.
 * Numerics f32; exact rescaling as in the forward pass. The order of the sums differs from the packed
 *          forward pass (equal to about 1e-6), and does not depend on the other sequences of the batch.
 * Source   Dao et al., "Flash-Decoding for long-context inference", 2023, with the split inside a workgroup.
 */

export interface AttentionDecodeShape {
  /** B: sequences, one new query each. */
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Tmax: rows of a sequence in the cache. */
  readonly capacity: number;
  /** Elements from one query row to the next, and the first one. Default heads * headDim and 0. */
  readonly qStride?: number;
  readonly qOffset?: number;
  /** 0 for none. */
  readonly window: number;
  readonly scale: number;
  readonly adapterClass: AdapterClass;
  /** Valid cache rows of all sequences, for the cost figures. Default batch * capacity. */
  readonly tokens?: number;
}

/** Bindings: q, kCache, vCache, length, o. */
export function planAttentionDecode(shape: AttentionDecodeShape): AttentionPlan {
  const { batch, heads, kvHeads, headDim, capacity, window, scale } = shape;
  const { qStride = heads * headDim, qOffset = 0, tokens = batch * capacity } = shape;
  if (!(headDim >= 1 && headDim <= MAX_HEAD_DIM) || heads % kvHeads !== 0 || qStride < heads * headDim) {
    throw new ToolError('shape', {
      op: 'attention decode',
      expected: `a head width of 1 to ${MAX_HEAD_DIM}, heads in a multiple of kv heads, a q stride of at least heads * width`,
      got: `width ${headDim}, ${heads} heads, ${kvHeads} kv heads, stride ${qStride}`,
    });
  }
  const tile = decodeTile(shape, qStride, qOffset);
  return {
    kernel: {
      key: `attention/decode/e${headDim}/v${tile.vec}/t${tile.threads}`,
      label: 'tensor/attention/decode',
      bindings: [
        headBinding('q', 'read', tile),
        headBinding('kCache', 'read', tile),
        headBinding('vCache', 'read', tile),
        { name: 'length', access: 'read', element: 'u32' },
        headBinding('o', 'read_write', tile),
      ],
      params: [
        ...['batch', 'heads', 'group', 'window', 'capacity', 'qStride', 'qOffset'].map(
          (name) => ({ name, type: 'u32' }) as const,
        ),
        { name: 'scale', type: 'f32' },
      ],
      body: () => decodeBody(tile),
    },
    params: [
      batch,
      heads,
      heads / kvHeads,
      window === 0 ? 0xffffffff : window,
      capacity,
      qStride / tile.vec,
      qOffset / tile.vec,
      scale,
    ],
    workgroups: linearWorkgroups(batch * heads),
    flops: 4 * tokens * heads * headDim,
    bytes: 4 * (2 * tokens * kvHeads * headDim + 2 * batch * heads * headDim + batch),
  };
}

function decodeTile(shape: AttentionDecodeShape, qStride: number, qOffset: number): AttentionTile {
  const { headDim, adapterClass } = shape;
  const chunks = Math.ceil(headDim / 4);
  const vec = [headDim, qStride, qOffset].every((value) => value % 4 === 0) ? 4 : 1;
  // The partial sums of all threads take threads * chunks * 16 of the 16384 bytes of workgroup memory.
  const threads = adapterClass === 'cpu' ? 8 : headDim <= 32 ? 64 : headDim <= 64 ? 32 : headDim <= 128 ? 16 : 8;
  return { threads, rowsPerThread: 1, step: 1, staged: 0, chunks, headDim, vec, packed: false, dtype: 'f32' };
}

function decodeBody(tile: AttentionTile): string {
  const { chunks, threads, headDim } = tile;
  const units = headUnits(tile);
  const vectors = (text: (c: number) => string) => each(chunks, text);
  return `${EXP2_WGSL}${['q', 'kCache', 'vCache'].map((name) => loadFunction(name, tile)).join('')}
var<workgroup> partTop: array<f32, ${threads}>;
var<workgroup> partTotal: array<f32, ${threads}>;
var<workgroup> partSum: array<vec4<f32>, ${threads * chunks}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x + group.y * groups.x;
  let sequence = id / params.heads;
  if (sequence >= params.batch) { return; }
  let head = id - sequence * params.heads;
  let kvHead = head / params.group;
  let kvHeads = params.heads / params.group;
  let scale = params.scale * LOG2E;
  let end = min(length[sequence], params.capacity);
  let begin = end - min(end, params.window);
  let qAt = params.qOffset + sequence * params.qStride + head * ${units}u;
${vectors((c) => `  let q${c} = load_q(qAt, ${c}u); var sum${c} = vec4<f32>();`)}
  var top = LOWEST;
  var total = 0.0;
  for (var j = begin; j < end; j += ${threads}u) {
    let at = ((sequence * params.capacity + min(j + lane, end - 1u)) * kvHeads + kvHead) * ${units}u;
    var dots = vec4<f32>();
${vectors((c) => `    dots = fma(q${c}, load_kCache(at, ${c}u), dots);`)}
    let s = select(MASKED, ${sumOf('dots')} * scale, j + lane < end);
    let n = round(s);
    let next = max(top, n);
    let shrink = powerOfTwo(top - next);
    let p = exp2Part(s - n) * powerOfTwo(n - next);
    top = next;
    total = fma(total, shrink, p);
${vectors((c) => `    sum${c} = fma(vec4<f32>(p), load_vCache(at, ${c}u), sum${c} * shrink);`)}
  }
  partTop[lane] = top;
  partTotal[lane] = total;
${vectors((c) => `  partSum[lane * ${chunks}u + ${c}u] = sum${c};`)}
  workgroupBarrier();
  for (var part = 0u; part < ${threads}u; part++) { top = max(top, partTop[part]); }
  total = 0.0;
  for (var part = 0u; part < ${threads}u; part++) { total = fma(partTotal[part], powerOfTwo(partTop[part] - top), total); }
  let norm = select(0.0, 1.0 / total, end > 0u);
  let oAt = id * ${units}u;
  for (var c = lane; c < ${chunks}u; c += ${threads}u) {
    var sum = vec4<f32>();
    for (var part = 0u; part < ${threads}u; part++) {
      sum = fma(partSum[part * ${chunks}u + c], vec4<f32>(powerOfTwo(partTop[part] - top)), sum);
    }
    ${storeLoopChunk(tile, headDim)}
  }
}
`;
}

/** Stores `sum * norm` as chunk `c`, a run-time index. */
function storeLoopChunk(tile: AttentionTile, headDim: number): string {
  if (tile.vec === 4) return 'o[oAt + c] = sum * norm;';
  return each(4, (i) => `if (c * 4u + ${i}u < ${headDim}u) { o[oAt + c * 4u + ${i}u] = sum[${i}] * norm; }`);
}
