import type { KernelBinding } from '../gpu/kernel.ts';
import {
  contiguousBase,
  headBinding,
  loadFunction,
  loadSources,
  sourceBindings,
  storeChunk,
  stridedBase,
} from './attention-heads.wgsl.ts';
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
  EXP2_WGSL,
  each,
  FIRST_KEY_WGSL,
  sumOf,
  tileKey,
  visiblePairs,
} from './attention-tile.wgsl.ts';
import { walkRows } from './attention-walk.wgsl.ts';

/*
 * Math     p_ij = exp(s_ij - lse_i);  delta_i = dO_i·o_i;  dS_ij = p_ij (dO_i·v_j - delta_i)
 *          dQ_i = scale sum_j dS_ij k_j;  dK_j = scale sum_i dS_ij q_i;  dV_j = sum_i p_ij dO_i
 *          with i over the queries of all heads of the group that see key j. Where q and k were turned by a
 *          rotary table, dQ and dK are turned back before they are stored.
 * Layout   as in the forward pass; dO, o, dQ [N, H, E] and dK, dV [N, K, E] contiguous, or the columns of
 *          one dQkv that is laid out like qkv; segEnd u32[N] is one past the last row of a row's sequence;
 *          stats [N, H, 2] as the forward pass left it; table [P, E] of cosines, then sines.
 * Dispatch two launches: dQ, a block of queries of one head that walks their keys, which leaves delta in the
 *          second half of stats; dK and dV, a block of keys of one kv head that walks the queries that see
 *          them, head after head. Nothing is summed across threads, so there is no atomic and no barrier
 *          but those of staging, and a result is the same in every run.
 * Memory   each pass reads the rows it owns once and the walked rows once a block. The scores are computed
 *          again in both passes and never stored.
 * Numerics f32; keys, queries and heads in ascending order; masked pairs add an exact zero and what they
 *          hold is never multiplied, so a sequence gives the same bits alone and packed with others, and
 *          NaN and Inf stay in theirs.
 * Limits   E <= 256.
 * Source   Dao, "FlashAttention-2", arXiv 2307.08691, algorithm 2, split in two passes without atomics.
 */

/** True if the kernels can turn dQ and dK back themselves; else the caller must. Pairs lie E / 2 apart. */
export function canTurnBack(shape: AttentionShape): boolean {
  const tile = chooseAttentionTile(shape, 0);
  return tile.vec === 4 && tile.chunks % 2 === 0;
}

/** First launch. Bindings: q, k, v (or qkv), segStart, dO, o, [positions, table], stats (completed), dQ (or dQkv). */
export function planAttentionBackwardQ(shape: AttentionShape, turned = false): AttentionPlan {
  checkAttentionShape('attention backward', shape);
  const tile = chooseAttentionTile(shape, 0);
  const { rows, heads, kvHeads, headDim } = shape;
  return {
    kernel: {
      key: `attention/backward-q/${tileKey(tile)}/${turned}`,
      label: 'tensor/attention/backward-q',
      bindings: [
        ...sourceBindings(tile),
        { name: 'segStart', access: 'read', element: 'u32' },
        headBinding('dO', 'read', tile),
        headBinding('o', 'read', tile),
        ...(turned ? TURN_BINDINGS : []),
        { name: 'stats', access: 'read_write', element: 'vec2<f32>' },
        headBinding(tile.packed ? 'dQkv' : 'dQ', 'read_write', tile),
      ],
      params: ATTENTION_PARAMS,
      body: () => backwardQBody(tile, turned),
    },
    params: attentionParams(shape, tile),
    workgroups: blockWorkgroups(shape, heads, tile),
    flops: visiblePairs(shape) * 6 * headDim,
    bytes: 4 * rows * (4 * heads * headDim + 2 * kvHeads * headDim + 3 * heads + 1),
  };
}

/** Second launch. Bindings: q, k, v (or qkv), segEnd, dO, stats, [positions, table], dK and dV (or dQkv). */
export function planAttentionBackwardKV(shape: AttentionShape, turned = false): AttentionPlan {
  checkAttentionShape('attention backward', shape);
  const tile = chooseAttentionTile(shape, 2);
  const { rows, heads, kvHeads, headDim } = shape;
  return {
    kernel: {
      key: `attention/backward-kv/${tileKey(tile)}/${turned}`,
      label: 'tensor/attention/backward-kv',
      bindings: [
        ...sourceBindings(tile),
        { name: 'segEnd', access: 'read', element: 'u32' },
        headBinding('dO', 'read', tile),
        { name: 'stats', access: 'read', element: 'vec2<f32>' },
        ...(turned ? TURN_BINDINGS : []),
        ...(tile.packed ? ['dQkv'] : ['dK', 'dV']).map((name) => headBinding(name, 'read_write', tile)),
      ],
      params: ATTENTION_PARAMS,
      body: () => backwardKVBody(tile, turned),
    },
    params: attentionParams(shape, tile),
    workgroups: blockWorkgroups(shape, kvHeads, tile),
    flops: visiblePairs(shape) * 8 * headDim,
    bytes: 4 * rows * (2 * heads * headDim + 4 * kvHeads * headDim + 2 * heads + 1),
  };
}

const TURN_BINDINGS: readonly KernelBinding[] = [
  { name: 'positions', access: 'read', element: 'u32' },
  { name: 'table', access: 'read', element: 'vec4<f32>' },
];

/**
 * Stores `chunks` values of a gradient at WGSL base `at`; turned back by the angles of the row's position
 * if wanted: y[e] = x[e] cos + x[e + E/2] sin, y[e + E/2] = x[e + E/2] cos - x[e] sin.
 */
function storeHead(
  tile: AttentionTile,
  binding: string,
  at: string,
  value: (chunk: number) => string,
  turnedRow?: string,
): string {
  const { chunks } = tile;
  if (turnedRow === undefined) return each(chunks, (c) => `    ${storeChunk(binding, at, c, value(c), tile)}`);
  const half = chunks / 2;
  return each(
    half,
    (c) => `    {
      let entry = positions[${turnedRow}] * ${chunks}u + ${c}u;
      let cosine = table[entry]; let sine = table[entry + ${half}u];
      let a = ${value(c)}; let b = ${value(c + half)};
      ${storeChunk(binding, at, c, 'a * cosine + b * sine', tile)}
      ${storeChunk(binding, at, c + half, 'b * cosine - a * sine', tile)}
    }`,
  );
}

/** exp2 of a difference of base-2 logarithms; MASKED gives an exact zero. */
const PROBABILITY_WGSL = `
fn probability(score: f32, lse: f32) -> f32 {
  let x = score - lse;
  let n = round(x);
  return exp2Part(x - n) * powerOfTwo(n);
}
`;

function backwardQBody(tile: AttentionTile, turned: boolean): string {
  const { chunks, step, threads, rowsPerThread } = tile;
  const walk = walkRows(tile, [
    { buffer: 'k', row: (j) => stridedBase(tile, 'k', j, 'kvHead') },
    { buffer: 'v', row: (j) => stridedBase(tile, 'v', j, 'kvHead') },
  ]);
  const rows = (text: (r: number) => string) => each(rowsPerThread, text);
  const vectors = (text: (c: number) => string) => each(chunks, text);
  return `${EXP2_WGSL}${PROBABILITY_WGSL}${FIRST_KEY_WGSL}${loadSources(tile)}${loadFunction('dO', tile)}${loadFunction('o', tile)}${walk.declarations}
${blockEntry(tile, 'params.heads')}
  let head = blockHead;
  let kvHead = head / params.group;
  let scale = params.scale * LOG2E;
${rows(
  (r) => `
  let row${r} = min(first + ${r * threads}u + lane, last);
  let start${r} = firstKey(row${r});
  let lse${r} = stats[row${r} * params.heads + head].x;
  let q${r}At = ${stridedBase(tile, 'q', `row${r}`, 'head')};
  let dO${r}At = ${contiguousBase(tile, `row${r}`, 'params.heads', 'head')};
  var dots${r} = vec4<f32>();
${vectors(
  (
    c,
  ) => `  let q${r}_${c} = load_q(q${r}At, ${c}u); let dO${r}_${c} = load_dO(dO${r}At, ${c}u); var dQ${r}_${c} = vec4<f32>();
  dots${r} = fma(dO${r}_${c}, load_o(dO${r}At, ${c}u), dots${r});`,
)}
  let delta${r} = ${sumOf(`dots${r}`)};`,
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
    let sees${r}_${u} = j + ${u}u - start${r} <= row${r} - start${r};
    let p${r}_${u} = probability(${sumOf(`dot${r}_${u}`)} * scale, lse${r});
    let dS${r}_${u} = vec4<f32>(select(0.0, p${r}_${u} * (${sumOf(`dP${r}_${u}`)} - delta${r}), sees${r}_${u}));`,
)}
${vectors((c) => `    { let key = ${walk.read('k', u, c)}; ${rows((r) => `dQ${r}_${c} = fma(dS${r}_${u}, select(vec4<f32>(), key, sees${r}_${u}), dQ${r}_${c});`)} }`)}`,
  ),
)}
${rows(
  (r) => `
  if (first + ${r * threads}u + lane <= last) {
    stats[row${r} * params.heads + head].y = delta${r};
${storeHead(
  tile,
  tile.packed ? 'dQkv' : 'dQ',
  tile.packed ? `q${r}At` : `dO${r}At`,
  (c) => `dQ${r}_${c} * params.scale`,
  turned ? `row${r}` : undefined,
)}
  }`,
)}
}
`;
}

function backwardKVBody(tile: AttentionTile, turned: boolean): string {
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
  return `${EXP2_WGSL}${PROBABILITY_WGSL}${loadSources(tile)}${loadFunction('dO', tile)}${walk.declarations}
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
  let span${r} = endQuery(row${r}) - row${r};
  let k${r}At = ${stridedBase(tile, 'k', `row${r}`, 'kvHead')};
  let v${r}At = ${stridedBase(tile, 'v', `row${r}`, 'kvHead')};
${vectors((c) => `  let k${r}_${c} = load_k(k${r}At, ${c}u); let v${r}_${c} = load_v(v${r}At, ${c}u); var dK${r}_${c} = vec4<f32>(); var dV${r}_${c} = vec4<f32>();`)}`,
)}
  for (var head = kvHead * params.group; head < (kvHead + 1u) * params.group; head++) {
${walk.loop(
  'first',
  // Within the batch whatever segEnd says: a wrong border must not become an endless loop.
  'clamp(endQuery(last), first + 1u, params.rows) - 1u',
  each(
    step,
    (u) => `
    let stats${u} = ${walk.scalar('stats', u)};
${rows((r) => `    var dot${r}_${u} = vec4<f32>(); var dP${r}_${u} = vec4<f32>();`)}
${vectors((c) => `    { let query = ${walk.read('q', u, c)}; ${rows((r) => `dot${r}_${u} = fma(query, k${r}_${c}, dot${r}_${u});`)} }`)}
${vectors((c) => `    { let upstream = ${walk.read('dO', u, c)}; ${rows((r) => `dP${r}_${u} = fma(upstream, v${r}_${c}, dP${r}_${u});`)} }`)}
${rows(
  (r) => `
    let seen${r}_${u} = j + ${u}u - row${r} < span${r};
    let p${r}_${u} = select(0.0, probability(${sumOf(`dot${r}_${u}`)} * scale, stats${u}.x), seen${r}_${u});
    let dS${r}_${u} = vec4<f32>(select(0.0, p${r}_${u} * (${sumOf(`dP${r}_${u}`)} - stats${u}.y), seen${r}_${u}));`,
)}
${vectors(
  (
    c,
  ) => `    { let upstream = ${walk.read('dO', u, c)}; ${rows((r) => `dV${r}_${c} = fma(vec4<f32>(p${r}_${u}), select(vec4<f32>(), upstream, seen${r}_${u}), dV${r}_${c});`)} }
    { let query = ${walk.read('q', u, c)}; ${rows((r) => `dK${r}_${c} = fma(dS${r}_${u}, select(vec4<f32>(), query, seen${r}_${u}), dK${r}_${c});`)} }`,
)}`,
  ),
)}
  }
${rows(
  (r) => `
  if (first + ${r * threads}u + lane <= last) {
    let dKAt = ${tile.packed ? `k${r}At` : contiguousBase(tile, `row${r}`, 'kvHeads', 'kvHead')};
    let dVAt = ${tile.packed ? `v${r}At` : 'dKAt'};
${storeHead(tile, tile.packed ? 'dQkv' : 'dK', 'dKAt', (c) => `dK${r}_${c} * params.scale`, turned ? `row${r}` : undefined)}
${storeHead(tile, tile.packed ? 'dQkv' : 'dV', 'dVAt', (c) => `dV${r}_${c}`)}
  }`,
)}
}
`;
}
