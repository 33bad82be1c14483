import type { Kernel } from '../gpu/kernel.ts';
import {
  ATTENTION_PARAMS,
  type AttentionPlan,
  type AttentionShape,
  type AttentionTile,
  attentionParams,
  blockWorkgroups,
  checkAttentionShape,
  chooseAttentionTile,
  EXP2_WGSL,
  each,
  FIRST_KEY_WGSL,
  fold,
  headBinding,
  headUnits,
  loadFunction,
  storeChunk,
  tileKey,
  visiblePairs,
} from './attention-tile.wgsl.ts';
import { walkRows } from './attention-walk.wgsl.ts';

/*
 * Math     o_i = sum_j p_ij v_j,  p_ij = exp(s_ij - lse_i),  s_ij = scale q_i·k_j,  lse_i = log sum_j exp(s_ij)
 *          over the keys max(segStart_i, i - window + 1) <= j <= i of the query's own sequence.
 * Layout   q [N, H, E], k and v [N, K, E] with row strides; segStart u32[N], not decreasing and
 *          segStart[i] <= i; o [N, H, E] and lse [N, H] contiguous. Query head h reads kv head h / (H / K).
 * Dispatch a workgroup = THREADS consecutive queries of one head, a thread a query. Keys run from the
 *          first key of the block's first query to the block's last query, STEP keys a turn.
 * Memory   q, o, lse once; k and v once a block of queries (they meet the cache). No score is stored.
 * Numerics f32 with fma; keys in ascending order. The running maximum is a whole exponent of two, so
 *          rescaling is exact and a sequence gives the same bits alone and packed with others.
 * Limits   E <= 256. A NaN or Inf in v can reach other sequences that share a block of queries.
 * Source   Dao, "FlashAttention-2", arXiv 2307.08691, algorithm 1; Milakov and Gimelshein, arXiv 1805.02867.
 */

/** Bindings: q, k, v, segStart, o, lse. */
export function planAttentionForward(shape: AttentionShape): AttentionPlan {
  checkAttentionShape('attention', shape);
  const tile = chooseAttentionTile(shape, 0);
  const { rows, heads, kvHeads, headDim } = shape;
  const pairs = visiblePairs(shape);
  return {
    kernel: forwardKernel(tile),
    params: attentionParams(shape, tile),
    workgroups: blockWorkgroups(shape, heads, tile),
    flops: pairs * 4 * headDim,
    bytes: 4 * rows * (2 * heads * headDim + 2 * kvHeads * headDim + heads + 1),
  };
}

function forwardKernel(tile: AttentionTile): Kernel {
  return {
    key: `attention/forward/${tileKey(tile)}`,
    label: 'tensor/attention/forward',
    bindings: [
      headBinding('q', 'read', tile),
      headBinding('k', 'read', tile),
      headBinding('v', 'read', tile),
      { name: 'segStart', access: 'read', element: 'u32' },
      headBinding('o', 'read_write', tile),
      { name: 'lse', access: 'read_write', element: 'f32' },
    ],
    params: ATTENTION_PARAMS,
    body: () => forwardBody(tile),
  };
}

function forwardBody(tile: AttentionTile): string {
  const { chunks, step, threads } = tile;
  const walk = walkRows(tile, [
    { buffer: 'k', row: (j) => `params.kOffset + ${j} * params.kStride + kvHead * ${headUnits(tile)}u` },
    { buffer: 'v', row: (j) => `params.vOffset + ${j} * params.vStride + kvHead * ${headUnits(tile)}u` },
  ]);
  const k = (u: number, c: number) => walk.read('k', u, c);
  const v = (u: number, c: number) => walk.read('v', u, c);
  return `${EXP2_WGSL}${FIRST_KEY_WGSL}${['q', 'k', 'v'].map((name) => loadFunction(name, tile)).join('')}${walk.declarations}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x + group.y * groups.x;
  let head = id % params.heads;
  let first = id / params.heads * ${threads}u;
  if (first >= params.rows) { return; }
  let last = min(first + ${threads}u, params.rows) - 1u;
  let row = min(first + lane, last);
  let kvHead = head / params.group;
  let start = firstKey(row);
  let span = row - start;
  let scale = params.scale * LOG2E;
  let qBase = params.qOffset + row * params.qStride + head * ${headUnits(tile)}u;
${each(chunks, (c) => `  let q${c} = load_q(qBase, ${c}u); var sum${c} = vec4<f32>();`)}
  var top = LOWEST;
  var total = 0.0;
${walk.loop(
  'firstKey(first)',
  `
${each(
  step,
  (u) => `
    var dot${u} = q0 * ${k(u, 0)};
${each(chunks - 1, (c) => `    dot${u} = fma(q${c + 1}, ${k(u, c + 1)}, dot${u});`)}
    let s${u} = select(MASKED, ((dot${u}.x + dot${u}.y) + (dot${u}.z + dot${u}.w)) * scale, j + ${u}u - start <= span);
    let n${u} = round(s${u});`,
)}
    let next = max(top, ${fold(
      step,
      (u) => `n${u}`,
      (a, b) => `max(${a}, ${b})`,
    )});
    let shrink = powerOfTwo(top - next);
    top = next;
${each(step, (u) => `    let p${u} = exp2Part(s${u} - n${u}) * powerOfTwo(n${u} - next);`)}
    total = ${fold(
      step + 1,
      (u) => (u === 0 ? 'total * shrink' : `p${u - 1}`),
      (a, b) => `(${a} + ${b})`,
    )};
${each(
  chunks,
  (c) => `    sum${c} *= shrink;
${each(step, (u) => `    sum${c} = fma(vec4<f32>(p${u}), ${v(u, c)}, sum${c});`)}`,
)}
`,
)}
  if (first + lane > last) { return; }
  let at = row * params.heads + head;
  let norm = 1.0 / total;
${each(chunks, (c) => `  ${storeChunk('o', `at * ${headUnits(tile)}u`, c, `sum${c} * norm`, tile)}`)}
  lse[at] = fma(top, LN2, log(total));
}
`;
}
