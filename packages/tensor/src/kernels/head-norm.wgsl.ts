import type { AdapterClass } from '../gpu/adapter.ts';
import { type KernelBinding, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { chooseRowLayout, rowEntry, rowReduceFunction } from './lib/row-reduce.wgsl.ts';

/*
 * Math     for each query head x (w = queryWeight) and key head x (w = keyWeight) of a token:
 *            r = 1 / sqrt(mean(x^2) + eps);  h = x * r * w;  y = h turned by the angles of the token's place
 *          value heads are copied, or left alone in place. Backward, with g the gradient by h:
 *            dx = r (w g) - x r^3 / E * sum(w g x);  dw = sum over tokens and heads of g x r
 * Layout   x, y [N, H + 2K, E]: query, key, then value heads; weights [E]; positions u32 [N]; table [P, E] of
 *          cosines, then sines; sums [query parts, a gap, key parts; E].
 * Dispatch forward: a head is shared by LANES threads, each of which reads and writes the same pairs, so the
 *          launch may work in place. Backward: a workgroup takes a stretch of query heads or of key heads,
 *          BLOCK at a time: threads first take heads (r and the projection), then columns (dx and the stretch's
 *          share of dw). A later launch adds the shares up (planAddParts).
 * Memory   forward 2 reads and 1 write of what changes (of all heads where it is not in place); backward 2 reads
 *          of x and g (the second meets the cache) and 1 write.
 * Source   the norm: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019; its place before the rotary
 *          embedding: Qwen3 (Yang et al., 2025).
 */

type Vector = 1 | 4;

const elementOf = (vec: Vector): string => (vec === 4 ? 'vec4<f32>' : 'f32');
const folded = (vec: Vector, value: string): string => (vec === 4 ? `dot(${value}, vec4<f32>(1.0))` : value);
const read = (name: string, element: string): KernelBinding => ({ name, access: 'read', element });
const write = (name: string, element: string): KernelBinding => ({ name, access: 'read_write', element });

/** Packed query, key and value heads of some tokens. */
export interface PackedHeads {
  readonly rows: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

export interface HeadNormShape extends PackedHeads {
  readonly eps: number;
  /** Turns the heads by a rotary table after the norm. */
  readonly turned: boolean;
  /** y is x. */
  readonly inPlace: boolean;
  readonly adapterClass: AdapterClass;
}

/** Bindings: [x,] queryWeight, keyWeight, [positions, table,] y. */
export function planHeadNorm(shape: HeadNormShape): LaunchPlan {
  const { rows, heads, kvHeads, headDim, eps, turned, inPlace, adapterClass } = shape;
  const vec: Vector = headDim % (turned ? 8 : 4) === 0 ? 4 : 1;
  const element = elementOf(vec);
  const units = headDim / vec;
  const normed = heads + kvHeads;
  const touched = inPlace ? normed : heads + 2 * kvHeads;
  const layout = chooseRowLayout(rows * touched, headDim, adapterClass);
  const x = inPlace ? 'y' : 'x';
  const each = `for (var e = lane; e < params.steps; e += ${layout.lanes}u)`;
  const body = turned
    ? `
  let entry = positions[token] * params.steps * 2u;
  ${each} {
    let a = ${x}[at + e];
    let b = ${x}[at + e + params.steps];
    let ha = a * r * select(keyWeight[e], queryWeight[e], isQuery);
    let hb = b * r * select(keyWeight[e + params.steps], queryWeight[e + params.steps], isQuery);
    let c = table[entry + e];
    let s = table[entry + e + params.steps];
    y[at + e] = select(a, ha * c - hb * s, isNormed);
    y[at + e + params.steps] = select(b, hb * c + ha * s, isNormed);
  }`
    : `
  ${each} {
    let a = ${x}[at + e];
    y[at + e] = select(a, a * r * select(keyWeight[e], queryWeight[e], isQuery), isNormed);
  }`;
  const square = (at: string) => `squares += ${x}[${at}] * ${x}[${at}];`;
  return {
    kernel: {
      key: `head-norm/${vec}/${turned}/${inPlace}/${layout.lanes}x${layout.rowsPerGroup}`,
      label: 'tensor/attention/head-norm',
      bindings: [
        ...(inPlace ? [] : [read('x', element)]),
        read('queryWeight', element),
        read('keyWeight', element),
        ...(turned ? [read('positions', 'u32'), read('table', element)] : []),
        write('y', element),
      ],
      params: [
        ...['rows', 'touched', 'all', 'queries', 'normed', 'steps', 'width'].map(
          (name) => ({ name, type: 'u32' }) as const,
        ),
        { name: 'eps', type: 'f32' },
      ],
      body: () => `${rowReduceFunction('sum', layout, (a, b) => `${a} + ${b}`)}
${rowEntry(layout)}
  let token = row / params.touched;
  let head = row - token * params.touched;
  let isQuery = head < params.queries;
  let isNormed = head < params.normed;
  let at = (token * params.all + head) * params.width;
  var squares = ${element}();
  ${each} { ${square('at + e')}${turned ? ` ${square('at + e + params.steps')}` : ''} }
  let total = reduceRow_sum(${folded(vec, 'squares')}, lane, slot);
  if (!inside) { return; }
  let r = 1.0 / sqrt(total / f32(params.width * ${vec}u) + params.eps);${body}
}
`,
    },
    params: [rows * touched, touched, heads + 2 * kvHeads, heads, normed, turned ? units / 2 : units, units, eps],
    workgroups: linearWorkgroups(Math.ceil((rows * touched) / layout.rowsPerGroup)),
  };
}

/** Heads between two barriers of the backward kernel: what its workgroup memory holds numbers for. */
const BLOCK = 64;
/** Most stretches of query heads, and of key heads; each is a workgroup. */
const MAX_PARTS = 128;
const THREADS: Readonly<Record<AdapterClass, number>> = { cpu: 8, gpu: 64 };

/** Where the shares of the weights' gradients lie in `sums`, and how many heads each comes from. */
export interface HeadNormParts {
  readonly stretch: number;
  /** The first rows are shares of the query weight's gradient. */
  readonly queryParts: number;
  /** Then, from a row on that a binding may begin at, come those of the key weight's. */
  readonly keyFirst: number;
  readonly keyParts: number;
}

/** Numbers from one place to the next that a binding of f32 may begin at. */
const ALIGNMENT = 64;

export function headNormParts({ rows, heads, kvHeads, headDim }: PackedHeads): HeadNormParts {
  const stretch = BLOCK * Math.max(1, Math.ceil((rows * heads) / MAX_PARTS / BLOCK));
  const queryParts = Math.ceil((rows * heads) / stretch);
  let keyFirst = queryParts;
  while ((keyFirst * headDim) % ALIGNMENT !== 0) keyFirst++;
  return { stretch, queryParts, keyFirst, keyParts: Math.ceil((rows * kvHeads) / stretch) };
}

/** Bindings: x, queryWeight, keyWeight, g (the gradient by the normalised heads, overwritten by that by x), sums. */
export function planHeadNormGradient(
  shape: PackedHeads & { readonly eps: number },
  adapterClass: AdapterClass,
): LaunchPlan {
  const { rows, heads, kvHeads, headDim, eps } = shape;
  const { stretch, queryParts, keyFirst, keyParts } = headNormParts(shape);
  const vec: Vector = headDim % 4 === 0 ? 4 : 1;
  const element = elementOf(vec);
  const threads = THREADS[adapterClass];
  return {
    kernel: {
      key: `head-norm-gradient/${vec}/${threads}`,
      label: 'tensor/attention/head-norm-gradient',
      bindings: [
        read('x', element),
        read('queryWeight', element),
        read('keyWeight', element),
        write('g', element),
        write('sums', element),
      ],
      params: [
        ...['rows', 'queries', 'keys', 'stretch', 'queryParts', 'keyFirst', 'width'].map(
          (name) => ({ name, type: 'u32' }) as const,
        ),
        { name: 'eps', type: 'f32' },
      ],
      body: () => `
var<workgroup> scales: array<f32, ${BLOCK}>;
var<workgroup> shrinks: array<f32, ${BLOCK}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let isQuery = group.x < params.queryParts;
  let count = select(params.keys, params.queries, isQuery);
  let first = select(params.queries, 0u, isQuery);
  let all = params.queries + 2u * params.keys;
  let part = group.x - select(params.queryParts, 0u, isQuery);
  let begin = part * params.stretch;
  let end = min(begin + params.stretch, params.rows * count);
  for (var block = begin; block < end; block += ${BLOCK}u) {
    let held = min(${BLOCK}u, end - block);
    for (var i = thread; i < held; i += ${threads}u) {
      let at = ((block + i) / count * all + first + (block + i) % count) * params.width;
      var squares = ${element}();
      var projection = ${element}();
      for (var j = 0u; j < params.width; j++) {
        squares += x[at + j] * x[at + j];
        projection += select(keyWeight[j], queryWeight[j], isQuery) * g[at + j] * x[at + j];
      }
      let size = f32(params.width * ${vec}u);
      let r = 1.0 / sqrt(${folded(vec, 'squares')} / size + params.eps);
      scales[i] = r;
      shrinks[i] = r * r * r * ${folded(vec, 'projection')} / size;
    }
    workgroupBarrier();
    for (var j = thread; j < params.width; j += ${threads}u) {
      let w = select(keyWeight[j], queryWeight[j], isQuery);
      var share = ${element}();
      for (var i = 0u; i < held; i++) {
        let at = ((block + i) / count * all + first + (block + i) % count) * params.width + j;
        let d = g[at];
        share += d * x[at] * scales[i];
        g[at] = scales[i] * w * d - x[at] * shrinks[i];
      }
      let sumAt = (part + select(params.keyFirst, 0u, isQuery)) * params.width + j;
      if (block == begin) { sums[sumAt] = share; } else { sums[sumAt] += share; }
    }
    workgroupBarrier();
  }
}
`,
    },
    params: [rows, heads, kvHeads, stretch, queryParts, keyFirst, headDim / vec, eps],
    workgroups: [queryParts + keyParts, 1, 1],
  };
}
