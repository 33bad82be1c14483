import type { AdapterClass } from '../gpu/adapter.ts';
import { type KernelBinding, type KernelParam, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import type { ScalarLike } from '../scalar.ts';

/*
 * Math     y[n, first_j + o] += sum_r low[n, r] B_j[o, r] with low[n, r] = scale_j sum_k x[n, k] A_j[r, k], for up to
 *          three adapters j of one input, whose results stand side by side in y.
 * Layout   x [N, in]; A_j [R_j, in]; B_j [out_j, R_j]; low [N, sum of R_j]; y [N, width].
 * Dispatch project: on a CPU a thread a value of low (for ROWS rows), on a GPU a workgroup, whose threads share the
 *          sum. expand: a thread a column of y (for ROWS rows).
 * Memory   each A_j, B_j and the columns of y once for ROWS rows; x once a value of low, from the cache.
 * Numerics f32. On a CPU the sums come in the order of k and of r, as those of the matmuls do, so the bits are
 *          those of add(y, linear(affine(linear(x, A), scale, 0), B)).
 * Source   Hu et al., "LoRA: Low-rank adaptation of large language models", 2021.
 */

/** Adapters of one launch: what keeps its bindings few. */
export const MOST_TERMS = 3;
/** Rows of a thread. */
const ROWS = 4;
const PROJECT_LANES: Readonly<Record<AdapterClass, number>> = { cpu: 8, gpu: 64 };
const EXPAND_THREADS: Readonly<Record<AdapterClass, number>> = { cpu: 8, gpu: 64 };

export interface LowRankShape {
  readonly rows: number;
  /** Width of x. */
  readonly inner: number;
  /** Width of y. */
  readonly width: number;
  readonly terms: readonly {
    readonly rank: number;
    readonly out: number;
    readonly first: number;
    readonly scale: number;
  }[];
  readonly adapterClass: AdapterClass;
}

type Vector = 1 | 4;
const element = (vec: Vector): string => (vec === 4 ? 'vec4<f32>' : 'f32');
const read = (name: string, vec: Vector): KernelBinding => ({ name, access: 'read', element: element(vec) });
const count = (list: readonly unknown[], name: string): string[] => list.map((_, j) => `${name}${j}`);
const numbers = (names: readonly string[], type: KernelParam['type'] = 'u32'): KernelParam[] =>
  names.map((name) => ({ name, type }));

/** Goes on with the term that `index` falls in, the terms' ranges lying one after the other; it becomes an index of it. */
function inTerm(terms: number, size: string, body: (j: number) => string, j = 0): string {
  if (j === terms - 1) return body(j);
  return `if (index < params.${size}${j}) {${body(j)}
  } else {
    index -= params.${size}${j};
    ${inTerm(terms, size, body, j + 1)}
  }`;
}

/** The sums of ROWS rows: in f32, in the order of the components. */
function addProducts(vec: Vector, weight: string, x: (i: number) => string): string {
  const parts = vec === 4 ? ['.x', '.y', '.z', '.w'] : [''];
  return `
      let w = ${weight};
      ${rowsOf((i) => `let x${i} = ${x(i)};\n      ${parts.map((c) => `sum[${i}] = fma(x${i}${c}, w${c}, sum[${i}]);`).join(' ')}`)}`;
}

function rowsOf(text: (i: number) => string): string {
  return Array.from({ length: ROWS }, (_, i) => text(i)).join('\n      ');
}

/** Where a row of `size` elements begins; a row past the end is the last one again, and is not stored. */
const rowStarts = (size: string): string =>
  rowsOf((i) => `let row${i} = min(first_row + ${i}u, params.rows - 1u) * ${size};`);

/** Bindings: x, A of each term, low. */
export function planLowRankProject({ rows, inner, terms, adapterClass }: LowRankShape): LaunchPlan {
  const vec: Vector = inner % 4 === 0 ? 4 : 1;
  const lanes = PROJECT_LANES[adapterClass];
  const isShared = adapterClass === 'gpu';
  const total = terms.reduce((sum, { rank }) => sum + rank, 0);
  const steps = isShared ? `var k = lane; k < params.inner; k += ${lanes}u` : 'var k = 0u; k < params.inner; k++';
  const body = (j: number) => `
    scale = params.scale${j};
    for (${steps}) {${addProducts(vec, `a${j}[index * params.inner + k]`, (i) => `x[row${i} + k]`)}
    }`;
  const groups = Math.ceil(rows / ROWS) * (isShared ? total : Math.ceil(total / lanes));
  return {
    kernel: {
      key: `low-rank/project/${terms.length}/${vec}/${adapterClass}`,
      label: 'tensor/low-rank/project',
      bindings: [
        read('x', vec),
        ...count(terms, 'a').map((name) => read(name, vec)),
        { name: 'low', access: 'read_write', element: 'f32' },
      ],
      params: [
        ...numbers(['rows', 'inner', 'total', ...count(terms, 'rank')]),
        ...numbers(count(terms, 'scale'), 'f32'),
      ],
      body: () => `${isShared ? `var<workgroup> shares: array<vec4f, ${lanes}>;` : ''}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x + group.y * groups.x;
  let columns = ${isShared ? 'params.total' : `(params.total + ${lanes - 1}u) / ${lanes}u`};
  let first_row = id / columns * ${ROWS}u;
  if (first_row >= params.rows) { return; }
  let column = ${isShared ? 'id % columns' : `id % columns * ${lanes}u + lane`};
  var index = min(column, params.total - 1u);
  ${rowStarts('params.inner')}
  var sum = vec4f();
  var scale = 0.0;
  ${inTerm(terms.length, 'rank', body)}
  ${
    isShared
      ? `shares[lane] = sum;
  workgroupBarrier();
  for (var apart = ${lanes / 2}u; apart > 0u; apart /= 2u) {
    if (lane < apart) { shares[lane] += shares[lane + apart]; }
    workgroupBarrier();
  }
  if (lane > 0u) { return; }
  sum = shares[0];`
      : 'if (column >= params.total) { return; }'
  }
  for (var i = 0u; i < min(${ROWS}u, params.rows - first_row); i++) {
    low[(first_row + i) * params.total + column] = sum[i] * scale;
  }
}
`,
    },
    params: [
      rows,
      inner / vec,
      total,
      ...terms.map(({ rank }) => rank),
      ...terms.map(({ scale }): ScalarLike => scale),
    ],
    workgroups: linearWorkgroups(groups),
    flops: 2 * rows * inner * total,
  };
}

/** Bindings: low, B of each term, y (added to). */
export function planLowRankExpand({ rows, width, terms, adapterClass }: LowRankShape): LaunchPlan {
  const vec: Vector = terms.every(({ rank }) => rank % 4 === 0) ? 4 : 1;
  const threads = EXPAND_THREADS[adapterClass];
  const ranks = terms.map(({ rank }) => rank);
  const rank = ranks.reduce((sum, next) => sum + next, 0);
  const outs = terms.reduce((sum, { out }) => sum + out, 0);
  const body = (j: number) => `
    column = params.first${j} + index;
    for (var r = 0u; r < params.rank${j}; r++) {${addProducts(vec, `b${j}[index * params.rank${j} + r]`, (i) => `low[row${i} + params.start${j} + r]`)}
    }`;
  return {
    kernel: {
      key: `low-rank/expand/${terms.length}/${vec}/${threads}`,
      label: 'tensor/low-rank/expand',
      bindings: [
        read('low', vec),
        ...count(terms, 'b').map((name) => read(name, vec)),
        { name: 'y', access: 'read_write', element: 'f32' },
      ],
      params: numbers([
        ...['rows', 'width', 'total', 'outs'],
        ...['out', 'rank', 'start', 'first'].flatMap((name) => count(terms, name)),
      ]),
      body: () => `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x + group.y * groups.x;
  let columns = (params.outs + ${threads - 1}u) / ${threads}u;
  let first_row = id / columns * ${ROWS}u;
  var index = id % columns * ${threads}u + lane;
  if (first_row >= params.rows || index >= params.outs) { return; }
  ${rowStarts('params.total')}
  var sum = vec4f();
  var column = 0u;
  ${inTerm(terms.length, 'out', body)}
  for (var i = 0u; i < min(${ROWS}u, params.rows - first_row); i++) {
    y[(first_row + i) * params.width + column] += sum[i];
  }
}
`,
    },
    params: [
      ...[rows, width, rank / vec, outs],
      ...terms.map(({ out }) => out),
      ...ranks.map((size) => size / vec),
      ...ranks.map((_, j) => ranks.slice(0, j).reduce((sum, next) => sum + next, 0) / vec),
      ...terms.map(({ first }) => first),
    ],
    workgroups: linearWorkgroups(Math.ceil(rows / ROWS) * Math.ceil(outs / threads)),
    flops: 2 * rows * terms.reduce((sum, term) => sum + term.rank * term.out, 0),
  };
}
