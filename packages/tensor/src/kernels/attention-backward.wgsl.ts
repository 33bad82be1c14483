import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import {
  ATTENTION_PARAMS,
  type AttentionPlan,
  type AttentionShape,
  type AttentionTile,
  attentionParams,
  blockEntry,
  blockWorkgroups,
  checkAttentionShape,
  chooseAttentionTile,
  contiguousBase,
  EXP2_WGSL,
  each,
  FIRST_KEY_WGSL,
  headBinding,
  loadFunction,
  storeChunk,
  stridedBase,
  sumOf,
  tileKey,
  visiblePairs,
} from './attention-tile.wgsl.ts';
import { walkRows } from './attention-walk.wgsl.ts';

/*
 * Math     p_ij = exp(s_ij - lse_i);  delta_i = dO_i·o_i;  dS_ij = p_ij (dO_i·v_j - delta_i)
 *          dQ_i = scale sum_j dS_ij k_j;  dK_j = scale sum_i dS_ij q_i;  dV_j = sum_i p_ij dO_i
 *          with i over the queries of all heads of the group that see key j.
 * Layout   as in the forward pass; dO, o, dQ [N, H, E] and dK, dV [N, K, E] contiguous; segEnd u32[N] is
 *          one past the last row of a row's sequence; stats [N, H] of (lse in base 2, delta).
 * Dispatch three launches: stats, a thread a (row, head); dQ, a block of queries of one head that walks
 *          their keys; dK and dV, a block of keys of one kv head that walks the queries that see them,
 *          head after head. Nothing is summed across threads, so there is no atomic and no barrier
 *          but those of staging, and a result is the same in every run.
 * Memory   each pass reads the rows it owns once and the walked rows once a block; 8 bytes a (row, head)
 *          of statistics. The scores are computed again in both passes and never stored.
 * Numerics f32; keys, queries and heads in ascending order; masked pairs add an exact zero, so a sequence
 *          gives the same bits alone and packed with others.
 * Limits   E <= 256; a NaN or Inf can reach other sequences that share a block of rows.
 * Source   Dao, "FlashAttention-2", arXiv 2307.08691, algorithm 2, split in two passes without atomics.
 */

/** First of the three launches. Bindings: dO, o, lse, stats (f32[N, H, 2], written). */
export function planAttentionBackwardStats(shape: AttentionShape): AttentionPlan {
  checkAttentionShape('attention backward', shape);
  const { rows, heads, headDim } = shape;
  const vec = headDim % 4 === 0 ? 4 : 1;
  const tile: AttentionTile = {
    threads: 64,
    rowsPerThread: 1,
    step: 1,
    staged: 0,
    chunks: Math.ceil(headDim / 4),
    headDim,
    vec,
  };
  const kernel: Kernel = {
    key: `attention/backward-stats/e${headDim}`,
    label: 'tensor/attention/backward-stats',
    bindings: [
      headBinding('dO', 'read', tile),
      headBinding('o', 'read', tile),
      { name: 'lse', access: 'read', element: 'f32' },
      { name: 'stats', access: 'read_write', element: 'vec2<f32>' },
    ],
    params: [{ name: 'count', type: 'u32' }],
    body: () => `${loadFunction('dO', tile)}${loadFunction('o', tile)}
@compute @workgroup_size(${tile.threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = (group.x + group.y * groups.x) * ${tile.threads}u + lane;
  if (at >= params.count) { return; }
  let base = at * ${headDim / vec}u;
  var dots = vec4<f32>();
  for (var c = 0u; c < ${tile.chunks}u; c++) { dots = fma(load_dO(base, c), load_o(base, c), dots); }
  stats[at] = vec2<f32>(lse[at] * 1.4426950408889634, ${sumOf('dots')});
}
`,
  };
  return {
    kernel,
    params: [rows * heads],
    workgroups: linearWorkgroups(Math.ceil((rows * heads) / tile.threads)),
    flops: 2 * rows * heads * headDim,
    bytes: 4 * rows * heads * (2 * headDim + 3),
  };
}

/** Second launch. Bindings: q, k, v, segStart, dO, stats, dQ (written). */
export function planAttentionBackwardQ(shape: AttentionShape): AttentionPlan {
  checkAttentionShape('attention backward', shape);
  const tile = chooseAttentionTile(shape, 0);
  const { rows, heads, kvHeads, headDim } = shape;
  return {
    kernel: {
      key: `attention/backward-q/${tileKey(tile)}`,
      label: 'tensor/attention/backward-q',
      bindings: [
        headBinding('q', 'read', tile),
        headBinding('k', 'read', tile),
        headBinding('v', 'read', tile),
        { name: 'segStart', access: 'read', element: 'u32' },
        headBinding('dO', 'read', tile),
        { name: 'stats', access: 'read', element: 'vec2<f32>' },
        headBinding('dQ', 'read_write', tile),
      ],
      params: ATTENTION_PARAMS,
      body: () => backwardQBody(tile),
    },
    params: attentionParams(shape, tile),
    workgroups: blockWorkgroups(shape, heads, tile),
    flops: visiblePairs(shape) * 6 * headDim,
    bytes: 4 * rows * (3 * heads * headDim + 2 * kvHeads * headDim + 2 * heads + 1),
  };
}

/** Third launch. Bindings: q, k, v, segEnd, dO, stats, dK, dV (both written). */
export function planAttentionBackwardKV(shape: AttentionShape): AttentionPlan {
  checkAttentionShape('attention backward', shape);
  const tile = chooseAttentionTile(shape, 2);
  const { rows, heads, kvHeads, headDim } = shape;
  return {
    kernel: {
      key: `attention/backward-kv/${tileKey(tile)}`,
      label: 'tensor/attention/backward-kv',
      bindings: [
        headBinding('q', 'read', tile),
        headBinding('k', 'read', tile),
        headBinding('v', 'read', tile),
        { name: 'segEnd', access: 'read', element: 'u32' },
        headBinding('dO', 'read', tile),
        { name: 'stats', access: 'read', element: 'vec2<f32>' },
        headBinding('dK', 'read_write', tile),
        headBinding('dV', 'read_write', tile),
      ],
      params: ATTENTION_PARAMS,
      body: () => backwardKVBody(tile),
    },
    params: attentionParams(shape, tile),
    workgroups: blockWorkgroups(shape, kvHeads, tile),
    flops: visiblePairs(shape) * 8 * headDim,
    bytes: 4 * rows * (2 * heads * headDim + 4 * kvHeads * headDim + 2 * heads + 1),
  };
}

/** exp2 of a difference of base-2 logarithms; MASKED gives an exact zero. */
const PROBABILITY_WGSL = `
fn probability(score: f32, lse: f32) -> f32 {
  let x = score - lse;
  let n = round(x);
  return exp2Part(x - n) * powerOfTwo(n);
}
`;

function backwardQBody(tile: AttentionTile): string {
  const { chunks, step, threads, rowsPerThread } = tile;
  const walk = walkRows(tile, [
    { buffer: 'k', row: (j) => stridedBase(tile, 'k', j, 'kvHead') },
    { buffer: 'v', row: (j) => stridedBase(tile, 'v', j, 'kvHead') },
  ]);
  const rows = (text: (r: number) => string) => each(rowsPerThread, text);
  const vectors = (text: (c: number) => string) => each(chunks, text);
  return `${EXP2_WGSL}${PROBABILITY_WGSL}${FIRST_KEY_WGSL}${['q', 'k', 'v', 'dO'].map((name) => loadFunction(name, tile)).join('')}${walk.declarations}
${blockEntry(tile, 'params.heads')}
  let head = blockHead;
  let kvHead = head / params.group;
  let scale = params.scale * LOG2E;
${rows(
  (r) => `
  let row${r} = min(first + ${r * threads}u + lane, last);
  let start${r} = firstKey(row${r});
  let stats${r} = stats[row${r} * params.heads + head];
  let q${r}At = ${stridedBase(tile, 'q', `row${r}`, 'head')};
  let dO${r}At = ${contiguousBase(tile, `row${r}`, 'params.heads', 'head')};
${vectors((c) => `  let q${r}_${c} = load_q(q${r}At, ${c}u); let dO${r}_${c} = load_dO(dO${r}At, ${c}u); var dQ${r}_${c} = vec4<f32>();`)}`,
)}
${walk.loop(
  'firstKey(first)',
  'last',
  each(
    step,
    (u) => `
${rows((r) => `    var dot${r}_${u} = vec4<f32>(); var dP${r}_${u} = vec4<f32>();`)}
${vectors((c) => `    { let key = ${walk.read('k', u, c)}; ${rows((r) => `dot${r}_${u} = fma(q${r}_${c}, key, dot${r}_${u});`)} }`)}
${vectors((c) => `    { let value = ${walk.read('v', u, c)}; ${rows((r) => `dP${r}_${u} = fma(dO${r}_${c}, value, dP${r}_${u});`)} }`)}
${rows(
  (r) => `
    let s${r}_${u} = select(MASKED, ${sumOf(`dot${r}_${u}`)} * scale, j + ${u}u - start${r} <= row${r} - start${r});
    let dS${r}_${u} = vec4<f32>(probability(s${r}_${u}, stats${r}.x) * (${sumOf(`dP${r}_${u}`)} - stats${r}.y));`,
)}
${vectors((c) => `    { let key = ${walk.read('k', u, c)}; ${rows((r) => `dQ${r}_${c} = fma(dS${r}_${u}, key, dQ${r}_${c});`)} }`)}`,
  ),
)}
${rows(
  (r) => `
  if (first + ${r * threads}u + lane <= last) {
${vectors((c) => `    ${storeChunk('dQ', `dO${r}At`, c, `dQ${r}_${c} * params.scale`, tile)}`)}
  }`,
)}
}
`;
}

function backwardKVBody(tile: AttentionTile): string {
  const { chunks, step, threads, rowsPerThread } = tile;
  const walk = walkRows(
    tile,
    [
      { buffer: 'q', row: (j) => stridedBase(tile, 'q', j, 'head') },
      { buffer: 'dO', row: (j) => contiguousBase(tile, j, 'params.heads', 'head') },
    ],
    [{ buffer: 'stats', element: 'vec2<f32>', at: (j) => `${j} * params.heads + head` }],
  );
  const rows = (text: (r: number) => string) => each(rowsPerThread, text);
  const vectors = (text: (c: number) => string) => each(chunks, text);
  return `${EXP2_WGSL}${PROBABILITY_WGSL}${['q', 'k', 'v', 'dO'].map((name) => loadFunction(name, tile)).join('')}${walk.declarations}
/** One past the last query that sees a key. */
fn endQuery(row: u32) -> u32 {
  let end = segEnd[row];
  return select(row + params.window, end, end - row <= params.window);
}
${blockEntry(tile, 'params.heads / params.group')}
  let kvHead = blockHead;
  let kvHeads = params.heads / params.group;
  let scale = params.scale * LOG2E;
${rows(
  (r) => `
  let row${r} = min(first + ${r * threads}u + lane, last);
  let seen${r} = endQuery(row${r}) - row${r};
  let k${r}At = ${stridedBase(tile, 'k', `row${r}`, 'kvHead')};
  let v${r}At = ${stridedBase(tile, 'v', `row${r}`, 'kvHead')};
${vectors((c) => `  let k${r}_${c} = load_k(k${r}At, ${c}u); let v${r}_${c} = load_v(v${r}At, ${c}u); var dK${r}_${c} = vec4<f32>(); var dV${r}_${c} = vec4<f32>();`)}`,
)}
  for (var head = kvHead * params.group; head < (kvHead + 1u) * params.group; head++) {
${walk.loop(
  'first',
  'endQuery(last) - 1u',
  each(
    step,
    (u) => `
    let stats${u} = ${walk.scalar('stats', u)};
${rows((r) => `    var dot${r}_${u} = vec4<f32>(); var dP${r}_${u} = vec4<f32>();`)}
${vectors((c) => `    { let query = ${walk.read('q', u, c)}; ${rows((r) => `dot${r}_${u} = fma(query, k${r}_${c}, dot${r}_${u});`)} }`)}
${vectors((c) => `    { let upstream = ${walk.read('dO', u, c)}; ${rows((r) => `dP${r}_${u} = fma(upstream, v${r}_${c}, dP${r}_${u});`)} }`)}
${rows(
  (r) => `
    let s${r}_${u} = select(MASKED, ${sumOf(`dot${r}_${u}`)} * scale, j + ${u}u - row${r} < seen${r});
    let p${r}_${u} = probability(s${r}_${u}, stats${u}.x);
    let dS${r}_${u} = vec4<f32>(p${r}_${u} * (${sumOf(`dP${r}_${u}`)} - stats${u}.y));`,
)}
${vectors(
  (
    c,
  ) => `    { let upstream = ${walk.read('dO', u, c)}; ${rows((r) => `dV${r}_${c} = fma(vec4<f32>(p${r}_${u}), upstream, dV${r}_${c});`)} }
    { let query = ${walk.read('q', u, c)}; ${rows((r) => `dK${r}_${c} = fma(dS${r}_${u}, query, dK${r}_${c});`)} }`,
)}`,
  ),
)}
  }
${rows(
  (r) => `
  if (first + ${r * threads}u + lane <= last) {
    let at = ${contiguousBase(tile, `row${r}`, 'kvHeads', 'kvHead')};
${vectors((c) => `    ${storeChunk('dK', 'at', c, `dK${r}_${c} * params.scale`, tile)} ${storeChunk('dV', 'at', c, `dV${r}_${c}`, tile)}`)}
  }`,
)}
}
`;
}
