import type { Kernel } from '../gpu/kernel.ts';
import {
  contiguousBase,
  headBinding,
  loadSources,
  sourceBindings,
  storeChunk,
  stridedBase,
  vectorType,
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
  fold,
  sumOf,
  tileKey,
  visiblePairs,
} from './attention-tile.wgsl.ts';
import { walkRows } from './attention-walk.wgsl.ts';

/*
 * Math     o_i = sum_j p_ij v_j,  p_ij = exp(s_ij - lse_i),  s_ij = scale q_i·k_j,  lse_i = log sum_j exp(s_ij)
 *          over the keys max(segStart_i, i - window + 1) <= j <= i of the query's own sequence.
 * Layout   q [N, H, E], k and v [N, K, E] with row strides; segStart u32[N], not decreasing and
 *          segStart[i] <= i; o [N, H, E] and stats [N, H, 2] contiguous: the base-2 logarithm of the sum of
 *          the exponentials, and a 0 where the backward pass puts a number of its own. Query head h reads kv
 *          head h / (H / K).
 * Dispatch a workgroup = a block of consecutive queries of one head; keys run from the first key of the
 *          block's first query to the block's last query, a few keys a turn.
 * Memory   q, o, stats once; k and v once a block of queries (they meet the cache). No score is stored.
 * Numerics f32 with fma; keys in ascending order. The running maximum is a whole exponent of two, so
 *          rescaling is exact and a sequence gives the same bits alone and packed with others. What a query
 *          does not see is replaced by zeros, not only weighed with 0: its NaN and Inf go nowhere.
 *          With f16 arithmetic the products, their sums over the head and the weights of the values are f16,
 *          all else is f32: good to about 2^-10 times the largest score. Scores beyond 65504 overflow.
 * Limits   E <= 256.
 * Source   Dao, "FlashAttention-2", arXiv 2307.08691, algorithm 1; Milakov and Gimelshein, arXiv 1805.02867.
 */

/** Bindings: q, k, v (or qkv), segStart, o, stats. */
export function planAttentionForward(shape: AttentionShape): AttentionPlan {
  checkAttentionShape('attention', shape);
  const tile = chooseAttentionTile(shape, 0, shape.arithmetic);
  const { rows, heads, kvHeads, headDim } = shape;
  const pairs = visiblePairs(shape);
  return {
    kernel: forwardKernel(tile),
    params: attentionParams(shape, tile),
    workgroups: blockWorkgroups(shape, heads, tile),
    flops: pairs * 4 * headDim,
    bytes: 4 * rows * (2 * heads * headDim + 2 * kvHeads * headDim + 2 * heads + 1),
  };
}

function forwardKernel(tile: AttentionTile): Kernel {
  return {
    key: `attention/forward/${tileKey(tile)}`,
    label: 'tensor/attention/forward',
    bindings: [
      ...sourceBindings(tile),
      { name: 'segStart', access: 'read', element: 'u32' },
      headBinding('o', 'read_write', tile),
      { name: 'stats', access: 'read_write', element: 'vec2<f32>' },
    ],
    params: ATTENTION_PARAMS,
    ...(tile.arithmetic === 'f16' && { enables: ['f16'] }),
    body: () => forwardBody(tile),
  };
}

function forwardBody(tile: AttentionTile): string {
  const { chunks, step, threads, rowsPerThread } = tile;
  const walk = walkRows(tile, [
    { buffer: 'k', row: (j) => stridedBase(tile, 'k', j, 'kvHead') },
    { buffer: 'v', row: (j) => stridedBase(tile, 'v', j, 'kvHead') },
  ]);
  const rows = (text: (r: number) => string) => each(rowsPerThread, text);
  const steps = (text: (u: number) => string) => each(step, text);
  const vectors = (text: (c: number) => string) => each(chunks, text);
  const isHalf = tile.arithmetic === 'f16';
  const vector = vectorType(tile);
  // In f16 the scale goes into the queries, so that products stay within the range.
  const query = (r: number, c: number) => `load_q(q${r}At, ${c}u)`;
  const q = (r: number, c: number) => (isHalf ? `vec4<f16>(${query(r, c)} * scale)` : query(r, c));
  const score = (dots: string) => (isHalf ? sumOf(`vec4<f32>(${dots})`) : `${sumOf(dots)} * scale`);
  const weigh = (p: string, value: string, sum: string) =>
    isHalf ? `${sum} += vec4<f32>(f16(${p}) * ${value})` : `${sum} = fma(vec4<f32>(${p}), ${value}, ${sum})`;
  return `${EXP2_WGSL}${FIRST_KEY_WGSL}${loadSources(tile)}${walk.declarations}
${blockEntry(tile, 'params.heads')}
  let head = blockHead;
  let kvHead = head / params.group;
  let scale = params.scale * LOG2E;
${rows(
  (r) => `
  let row${r} = min(first + ${r * threads}u + lane, last);
  let start${r} = firstKey(row${r});
  let q${r}At = ${stridedBase(tile, 'q', `row${r}`, 'head')};
${vectors((c) => `  let q${r}_${c} = ${q(r, c)}; var sum${r}_${c} = vec4<f32>();`)}
  var top${r} = LOWEST;
  var total${r} = 0.0;`,
)}
${walk.loop(
  'firstKey(first)',
  'last',
  `
${steps(
  (u) => `
${rows((r) => `    var dot${r}_${u} = ${vector}();`)}
${vectors((c) => `    { let key = ${walk.read('k', u, c)}; ${rows((r) => `dot${r}_${u} = fma(q${r}_${c}, key, dot${r}_${u});`)} }`)}
${rows(
  (r) => `
    let sees${r}_${u} = j + ${u}u - start${r} <= row${r} - start${r};
    let s${r}_${u} = select(MASKED, ${score(`dot${r}_${u}`)}, sees${r}_${u});
    let n${r}_${u} = round(s${r}_${u});`,
)}`,
)}
${rows(
  (r) => `
    let next${r} = max(top${r}, ${fold(
      step,
      (u) => `n${r}_${u}`,
      (a, b) => `max(${a}, ${b})`,
    )});
    let shrink${r} = powerOfTwo(top${r} - next${r});
    top${r} = next${r};
${steps((u) => `    let p${r}_${u} = exp2Part(s${r}_${u} - n${r}_${u}) * powerOfTwo(n${r}_${u} - next${r});`)}
    total${r} *= shrink${r};
${steps((u) => `    total${r} += p${r}_${u};`)}
${vectors((c) => `    sum${r}_${c} *= shrink${r};`)}`,
)}
${steps((u) => vectors((c) => `    { let value = ${walk.read('v', u, c)}; ${rows((r) => `${weigh(`p${r}_${u}`, `select(${vector}(), value, sees${r}_${u})`, `sum${r}_${c}`)};`)} }`))}
`,
)}
${rows(
  (r) => `
  if (first + ${r * threads}u + lane <= last) {
    let oAt = ${contiguousBase(tile, `row${r}`, 'params.heads', 'head')};
    let norm = 1.0 / total${r};
${vectors((c) => `    ${storeChunk('o', 'oAt', c, `sum${r}_${c} * norm`, tile)}`)}
    stats[row${r} * params.heads + head] = vec2<f32>(top${r} + log2(total${r}), 0.0);
  }`,
)}
}
`;
}
