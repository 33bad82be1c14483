import { ToolError } from '../errors.ts';
import type { AdapterClass } from '../gpu/adapter.ts';
import { linearWorkgroups } from '../gpu/kernel.ts';
import { checkCache } from './attention-cache.wgsl.ts';
import { cacheBinding, headBinding, headUnits, loadFunction, storeCached, storeChunk } from './attention-heads.wgsl.ts';
import {
  type AttentionPlan,
  type AttentionTile,
  EXP2_WGSL,
  each,
  type HeadDType,
  MAX_HEAD_DIM,
  sumOf,
} from './attention-tile.wgsl.ts';
import { packFunctions } from './lib/element.wgsl.ts';

/*
 * Math     with t = length_b - 1 the place of the new token of sequence b: q and k normalised (x / sqrt(mean(x^2) +
 *          eps) * weight, over the width of a head) and turned by the angles of t, both where wanted,
 *          kCache[b, t] = k, vCache[b, t] = v, and o_b = sum_j p_j v_j over the rows max(0, t + 1 - window)
 *          <= j <= t with p = softmax(scale q·k)
 * Layout   qkv [B, H + 2K, E]: query, key and value heads of the new tokens, as projected; kCache and vCache
 *          [B, capacity, K, E] in f32 or 16 bits; length u32[B]; table [P, E] of cosines, then sines; weights of
 *          norms [E]; o [B, H, E].
 *          A length of 0 gives zeros and writes nothing; a row past the capacity is attended to, not written.
 * Dispatch on a CPU, where four or more query heads share a key head: a workgroup a (sequence, key head) and a thread
 *          a query head, which walks over all cached keys. Such a driver loads what its threads share once, so a row
 *          of the cache is read once a group (14 heads of 64 on 2, lavapipe: 2.4 times as fast for 16 sequences). Else
 *          a workgroup a (sequence, head); each thread takes every THREADS-th cached key with an online softmax
 *          of its own, the first thread the new key too, from registers; the partial results meet in workgroup
 *          memory in thread order. The first head of each group writes the new row, which no workgroup reads.
 * Memory   the valid part of both caches once per query head of a group, qkv and o once.
 * Numerics f32; exact rescaling as in the forward pass. The order of the sums differs from the packed
 *          forward pass (equal to about 1e-6), and does not depend on the other sequences of the batch. In
 *          16 bits the cached rows are rounded, the new one is not yet.
 * Source   Dao et al., "Flash-Decoding for long-context inference", 2023, with the split inside a workgroup.
 */

export interface AttentionDecodeShape {
  /** B: sequences, one new token each. */
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Tmax: rows of a sequence in the cache. */
  readonly capacity: number;
  /** Of the caches. Default f32. */
  readonly dtype?: HeadDType;
  /** Queries and new keys are turned by a rotary table. */
  readonly turned: boolean;
  /** Epsilon of the norms of query and key heads, if there are any. */
  readonly normEps?: number | undefined;
  /** 0 for none. */
  readonly window: number;
  readonly scale: number;
  readonly adapterClass: AdapterClass;
  /** Valid cache rows of all sequences, for the cost figures. Default batch * capacity. */
  readonly tokens?: number;
}

/** Bindings: qkv, length, [table,] [queryNorm, keyNorm,] kCache, vCache (both get a row a sequence), o. */
export function planAttentionDecode(shape: AttentionDecodeShape): AttentionPlan {
  const { batch, heads, kvHeads, headDim, capacity, window, scale, turned, normEps, dtype = 'f32' } = shape;
  const { tokens = batch * capacity } = shape;
  if (!(headDim >= 1 && headDim <= MAX_HEAD_DIM) || heads % kvHeads !== 0 || (turned && headDim % 2 !== 0)) {
    throw new ToolError('shape', {
      op: 'attention decode',
      expected: `a head width of 1 to ${MAX_HEAD_DIM} (even with a rotary table) and heads in a multiple of kv heads`,
      got: `width ${headDim}, ${heads} heads, ${kvHeads} kv heads`,
    });
  }
  checkCache('attention decode', shape);
  const isGrouped = groupsHeads(shape);
  const tile = decodeTile(shape, isGrouped);
  const normed = normEps !== undefined;
  return {
    kernel: {
      key: `attention/decode/e${headDim}/v${tile.vec}/t${tile.threads}/${dtype}/${turned}/${normed}/${isGrouped}`,
      label: 'tensor/attention/decode',
      bindings: [
        headBinding('qkv', 'read', tile),
        { name: 'length', access: 'read', element: 'u32' },
        ...(turned ? [headBinding('table', 'read', turnTile(tile))] : []),
        ...(normed ? [headBinding('queryNorm', 'read', tile), headBinding('keyNorm', 'read', tile)] : []),
        cacheBinding('kCache', 'read_write', tile.vec, dtype),
        cacheBinding('vCache', 'read_write', tile.vec, dtype),
        headBinding('o', 'read_write', tile),
      ],
      params: [
        ...['batch', 'heads', 'group', 'window', 'capacity'].map((name) => ({ name, type: 'u32' }) as const),
        { name: 'scale', type: 'f32' },
        { name: 'normEps', type: 'f32' },
      ],
      body: () => decodeBody(tile, { turned, normed, isGrouped }),
    },
    params: [batch, heads, heads / kvHeads, window === 0 ? 0xffffffff : window, capacity, scale, normEps ?? 0],
    workgroups: linearWorkgroups(batch * (isGrouped ? kvHeads : heads)),
    flops: 4 * tokens * heads * headDim,
    bytes:
      2 * tokens * kvHeads * headDim * (dtype === 'f32' ? 4 : 2) +
      4 * batch * ((2 * heads + 2 * kvHeads) * headDim + 1),
  };
}

/** Least query heads of a key head that make a workgroup on a CPU, and most. */
const [LEAST_GROUP, MOST_GROUP] = [4, 64];

function groupsHeads({ heads, kvHeads, adapterClass }: AttentionDecodeShape): boolean {
  return adapterClass === 'cpu' && heads >= LEAST_GROUP * kvHeads && heads <= MOST_GROUP * kvHeads;
}

function decodeTile(shape: AttentionDecodeShape, isGrouped: boolean): AttentionTile {
  const { headDim, adapterClass, heads, kvHeads, dtype = 'f32' } = shape;
  const chunks = Math.ceil(headDim / 4);
  // The partial sums of all threads take threads * chunks * 16 of the 16384 bytes of workgroup memory.
  const lanes = isGrouped ? 8 * Math.ceil(heads / kvHeads / 8) : 8;
  const threads = adapterClass === 'cpu' ? lanes : headDim <= 32 ? 64 : headDim <= 64 ? 32 : headDim <= 128 ? 16 : 8;
  const vec = headDim % 4 === 0 ? 4 : 1;
  return {
    threads,
    rowsPerThread: 1,
    step: 1,
    staged: 0,
    chunks,
    headDim,
    vec,
    packed: true,
    dtype,
    arithmetic: 'f32',
  };
}

/** The table is read in vec4s where pairs are whole vec4s apart, else by number. */
function turnTile(tile: AttentionTile): AttentionTile {
  return { ...tile, vec: tile.headDim % 8 === 0 ? 4 : 1 };
}

/** `load_head(base, chunk, part)`: a vec4 of a query or key head of qkv, normalised; `partOf(base, isQuery)` for it. */
function normFunctions(tile: AttentionTile, normed: boolean): string {
  // What is the same for a whole head: whose weight it takes, and the inverse of its root mean square.
  const head = 'struct HeadPart { isQuery: bool, scale: f32 }\n';
  const load = 'fn load_head(base: u32, chunk: u32, part: HeadPart) -> vec4<f32>';
  if (!normed) {
    return `${head}fn partOf(base: u32, isQuery: bool) -> HeadPart { return HeadPart(isQuery, 1.0); }
${load} { return load_qkv(base, chunk); }
`;
  }
  return `${head}${loadFunction('queryNorm', tile)}${loadFunction('keyNorm', tile)}
fn partOf(base: u32, isQuery: bool) -> HeadPart {
  var squares = vec4<f32>();
  for (var c = 0u; c < ${tile.chunks}u; c++) {
    let x = load_qkv(base, c);
    squares = fma(x, x, squares);
  }
  return HeadPart(isQuery, 1.0 / sqrt(${sumOf('squares')} / ${tile.headDim}.0 + params.normEps));
}
${load} {
  return load_qkv(base, chunk) * part.scale * select(load_keyNorm(0u, chunk), load_queryNorm(0u, chunk), part.isQuery);
}
`;
}

/** `prepared(base, chunk, part, position)`: the same, turned by the angles of a position. */
function turnFunction(tile: AttentionTile, turned: boolean): string {
  const { headDim, chunks } = tile;
  const head = 'fn prepared(base: u32, chunk: u32, part: HeadPart, position: u32) -> vec4<f32>';
  if (!turned) return `${head} { return load_head(base, chunk, part); }\n`;
  if (headDim % 8 === 0) {
    return `${head} {
  let low = chunk < ${chunks / 2}u;
  let pair = select(chunk - ${chunks / 2}u, chunk, low);
  let cosine = table[position * ${chunks}u + pair];
  let sine = table[position * ${chunks}u + pair + ${chunks / 2}u];
  let a = load_head(base, pair, part);
  let b = load_head(base, pair + ${chunks / 2}u, part);
  return select(b * cosine + a * sine, a * cosine - b * sine, low);
}
`;
  }
  return `fn turnedNumber(base: u32, e: u32, part: HeadPart, position: u32) -> f32 {
  if (e >= ${headDim}u) { return 0.0; }
  let low = e < ${headDim / 2}u;
  let pair = select(e - ${headDim / 2}u, e, low);
  let other = pair + ${headDim / 2}u;
  let cosine = table[position * ${headDim}u + pair];
  let sine = table[position * ${headDim}u + other];
  let a = load_head(base, pair / 4u, part)[pair % 4u];
  let b = load_head(base, other / 4u, part)[other % 4u];
  return select(b * cosine + a * sine, a * cosine - b * sine, low);
}
${head} {
  return vec4<f32>(${[0, 1, 2, 3].map((i) => `turnedNumber(base, chunk * 4u + ${i}u, part, position)`).join(', ')});
}
`;
}

interface DecodeOptions {
  readonly turned: boolean;
  readonly normed: boolean;
  readonly isGrouped: boolean;
}

function decodeBody(tile: AttentionTile, { turned, normed, isGrouped }: DecodeOptions): string {
  const { chunks, threads, dtype } = tile;
  const units = headUnits(tile);
  const vectors = (text: (c: number) => string) => each(chunks, text);
  const caches = ['kCache', 'vCache'].map((name) => loadFunction(name, tile, { dtype })).join('');
  const scored = (s: string, value: (c: number) => string) => `
    let n = round(${s});
    let next = max(top, n);
    let shrink = powerOfTwo(top - next);
    let p = exp2Part(${s} - n) * powerOfTwo(n - next);
    top = next;
    total = fma(total, shrink, p);
${vectors((c) => `    sum${c} = fma(vec4<f32>(p), ${value(c)}, sum${c} * shrink);`)}`;
  const writeRow = `
    if (writes) {
      let key = prepared(kAt, c, kPart, newest);
      let value = load_qkv(vAt, c);
      ${storeLoopChunk('kCache', 'newAt', 'key', tile, dtype)}
      ${storeLoopChunk('vCache', 'newAt', 'value', tile, dtype)}
    }`;
  const newKey = `
    var dots = vec4<f32>();
${vectors((c) => `    dots = fma(q${c}, prepared(kAt, ${c}u, kPart, newest), dots);`)}
    let s = ${sumOf('dots')} * scale;
${scored('s', (c) => `load_qkv(vAt, ${c}u)`)}`;
  const [place, walk, finish] = isGrouped
    ? [
        `
  let kvHeads = params.heads / params.group;
  let sequence = id / kvHeads;
  if (sequence >= params.batch) { return; }
  let kvHead = id - sequence * kvHeads;
  let head = kvHead * params.group + min(lane, params.group - 1u);`,
        `
  for (var j = begin; j < end; j++) {
    let at = ((sequence * params.capacity + j) * kvHeads + kvHead) * ${units}u;
    var dots = vec4<f32>();
${vectors((c) => `    dots = fma(q${c}, load_kCache(at, ${c}u), dots);`)}
    let s = ${sumOf('dots')} * scale;
${scored('s', (c) => `load_vCache(at, ${c}u)`)}
  }
  {${newKey}
  }`,
        `
  let norm = 1.0 / total;
  let writes = newest < params.capacity && !isIdle;
  if (lane < params.group) {
    let oAt = (sequence * params.heads + head) * ${units}u;
${vectors((c) => `    ${storeChunk('o', 'oAt', c, `select(sum${c} * norm, vec4<f32>(), isIdle)`, tile)}`)}
  }
  for (var c = lane; c < ${chunks}u; c += ${threads}u) {${writeRow}
  }`,
      ]
    : [
        `
  let sequence = id / params.heads;
  if (sequence >= params.batch) { return; }
  let head = id - sequence * params.heads;
  let kvHead = head / params.group;
  let kvHeads = params.heads / params.group;`,
        `
  for (var j = begin; j < end; j += ${threads}u) {
    let at = ((sequence * params.capacity + min(j + lane, end - 1u)) * kvHeads + kvHead) * ${units}u;
    var dots = vec4<f32>();
${vectors((c) => `    dots = fma(q${c}, load_kCache(at, ${c}u), dots);`)}
    let s = select(MASKED, ${sumOf('dots')} * scale, j + lane < end);
${scored('s', (c) => `load_vCache(at, ${c}u)`)}
  }
  if (lane == 0u) {${newKey}
  }`,
        `
  partTop[lane] = top;
  partTotal[lane] = total;
${vectors((c) => `  partSum[lane * ${chunks}u + ${c}u] = sum${c};`)}
  workgroupBarrier();
  for (var part = 0u; part < ${threads}u; part++) { top = max(top, partTop[part]); }
  total = 0.0;
  for (var part = 0u; part < ${threads}u; part++) { total = fma(partTotal[part], powerOfTwo(partTop[part] - top), total); }
  let norm = 1.0 / total;
  let writes = head % params.group == 0u && newest < params.capacity && !isIdle;
  let oAt = id * ${units}u;
  for (var c = lane; c < ${chunks}u; c += ${threads}u) {
    var sum = vec4<f32>();
    for (var part = 0u; part < ${threads}u; part++) {
      sum = fma(partSum[part * ${chunks}u + c], vec4<f32>(powerOfTwo(partTop[part] - top)), sum);
    }
    let mixed = select(sum * norm, vec4<f32>(), isIdle);
    ${storeLoopChunk('o', 'oAt', 'mixed', tile, 'f32')}${writeRow}
  }`,
      ];
  const shared = `var<workgroup> partTop: array<f32, ${threads}>;
var<workgroup> partTotal: array<f32, ${threads}>;
var<workgroup> partSum: array<vec4<f32>, ${threads * chunks}>;`;
  return `${EXP2_WGSL}${loadFunction('qkv', tile)}${caches}${normFunctions(tile, normed)}${turnFunction(tile, turned)}${dtype === 'f32' ? '' : packFunctions(dtype)}
${isGrouped ? '' : shared}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x + group.y * groups.x;${place}
  let scale = params.scale * LOG2E;
  let isIdle = length[sequence] == 0u;
  let newest = max(length[sequence], 1u) - 1u;
  let end = min(newest, params.capacity);
  let begin = newest + 1u - min(newest + 1u, params.window);
  let row = sequence * (params.heads + 2u * kvHeads);
  let kAt = (row + params.heads + kvHead) * ${units}u;
  let vAt = kAt + kvHeads * ${units}u;
  let newAt = ((sequence * params.capacity + newest) * kvHeads + kvHead) * ${units}u;
  let qPart = partOf((row + head) * ${units}u, true);
  let kPart = partOf(kAt, false);
${vectors((c) => `  let q${c} = prepared((row + head) * ${units}u, ${c}u, qPart, newest); var sum${c} = vec4<f32>();`)}
  var top = LOWEST;
  var total = 0.0;${walk}${finish}
}
`;
}

/** Stores a vec4 as chunk `c`, a run-time index. */
function storeLoopChunk(binding: string, at: string, value: string, tile: AttentionTile, dtype: HeadDType): string {
  if (tile.vec === 4) return storeCached(binding, `${at} + c`, value, dtype);
  return each(
    4,
    (i) => `if (c * 4u + ${i}u < ${tile.headDim}u) { ${binding}[${at} + c * 4u + ${i}u] = ${value}[${i}]; }`,
  );
}
