import { declareOperand, type MatmulOperand, range } from './matmul-operand.wgsl.ts';
import type { MatmulSpec } from './matmul-spec.ts';
import { storeFunction } from './matmul-store.wgsl.ts';
import { rowAxis } from './matmul-tile.ts';
import { loadFunction } from './matmul-weight.wgsl.ts';

/** The constants of the tile, and the functions that load operands and store sums. */
export function head(spec: MatmulSpec): string {
  return `${tileConstants(spec)}${loadFunction('a', spec.input, spec.vectors.a)}${loadFunction('b', spec.weight, spec.vectors.b)}`;
}

/** The constants of the tile, and the function that stores sums. */
export function tileConstants(spec: MatmulSpec): string {
  const { tile } = spec;
  const names = ['LANES_M', 'LANES_N', ...(tile.lanesK > 1 ? ['LANES_K'] : [])];
  return `
${names.map((name) => `override ${name}: u32;`).join('\n')}
${storeFunction({ ...spec, vector: spec.vectors.c })}`;
}

const SUBGROUP = `
  @builtin(subgroup_size) subgroup_width: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,`;

/** The entry point up to the thread's place in C and its part of k, and the operands' bases. */
export function entry({ tile, transB, isSplit, isFolded }: MatmulSpec, operands: readonly MatmulOperand[]): string {
  // Threads next to each other read B where it is contiguous.
  const [sizes, axes] =
    tile.memory === 'matrix'
      ? ['LANES_M * LANES_N * LANES_K', { m: '', n: '', k: 'x' }]
      : tile.lanesK === 1
        ? ['LANES_N, LANES_M', { m: 'y', n: 'x', k: '' }]
        : transB
          ? ['LANES_K, LANES_N, LANES_M', { m: 'z', n: 'y', k: 'x' }]
          : ['LANES_N, LANES_M, LANES_K', { m: 'y', n: 'x', k: 'z' }];
  const place = isFolded
    ? `
  let order = group.x + group.y * groups.x;
  if (order >= params.tiles) { return; }
  let place = vec3u(order % params.tilesX, order / params.tilesX % params.tilesY, order / (params.tilesX * params.tilesY));`
    : `
  let place = group;`;
  const part = isSplit
    ? `
  let batch = place.z % params.batch;
  let k_first = place.z / params.batch * params.chunk;
  let k_last = min(params.k, k_first + params.chunk);`
    : `
  let batch = place.z;
  let k_first = 0u;
  let k_last = params.k;`;
  const lane = (name: 'm' | 'n', lanes: number) =>
    lanes === 1 || tile.memory === 'matrix' ? '0u' : `local.${axes[name]}`;
  // A dimension of one lane is written as 0, so that the compiler sees addresses that all lanes share.
  return `
${tile.memory === 'subgroup' ? '@diagnostic(off, subgroup_uniformity) ' : tile.memory === 'matrix' ? '@diagnostic(off, chromium.subgroup_matrix_uniformity) ' : ''}@compute @workgroup_size(${sizes})
fn main(
  @builtin(workgroup_id) group: vec3u,${isFolded ? '\n  @builtin(num_workgroups) groups: vec3u,' : ''}
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) thread: u32,${tile.memory === 'subgroup' || tile.memory === 'matrix' ? SUBGROUP : ''}
) {${place}${part}
  let lane_m = ${lane('m', tile.lanesM)};
  let lane_n = ${lane('n', tile.lanesN)};${tile.lanesK === 1 ? '' : `\n  let lane_k = local.${axes.k};`}
  let tile_row = place.${rowAxis(tile)} * LANES_M * ${tile.rows}u;
  let tile_column = place.${rowAxis(tile) === 'y' ? 'x' : 'y'} * LANES_N * ${tile.columns}u;
  let row = tile_row + lane_m * ${tile.rows}u;
  let column = tile_column + lane_n * 4u;${operands.map(declareOperand).join('')}
`;
}

/** WGSL expressions of the rows and columns that a thread makes. */
export function places({ tile }: MatmulSpec): { rows: string[]; runs: string[] } {
  return {
    rows: range(tile.rows).map((i) => `row + ${i}u`),
    runs: range(tile.columns / 4).map((q) => (q === 0 ? 'column' : `column + ${q * 4}u * LANES_N`)),
  };
}

export function declareSums({ tile }: MatmulSpec): string {
  return range(tile.rows)
    .map(
      (i) =>
        `\n  ${range(tile.columns / 4)
          .map((q) => `var sum${i}_${q} = vec4f();`)
          .join(' ')}`,
    )
    .join('');
}

export function storeSums(spec: MatmulSpec): string {
  const { rows, runs } = places(spec);
  const { tile, fused } = spec;
  if (
    fused !== undefined &&
    (tile.memory === 'registers' || tile.memory === 'stream') &&
    rows.length * runs.length > 4
  ) {
    // A loop, so that the text of the expression stands once: a driver that runs on a CPU would otherwise take
    // seconds to compile it for every value of the tile. Its end is no constant, or it would be unrolled.
    const sums = rows.flatMap((_, i) => runs.map((_, q) => `sum${i}_${q}`));
    return `
  var sums = array<vec4f, ${sums.length}>(${sums.join(', ')});
  let stores = min(${sums.length}u, params.m * ${sums.length}u);
  for (var s = 0u; s < stores; s++) {
    store(place.z, row + s / ${runs.length}u, column + s % ${runs.length}u * 4u * LANES_N, sums[s]);
  }`;
  }
  return rows.flatMap((row, i) => runs.map((run, q) => `\n  store(place.z, ${row}, ${run}, sum${i}_${q});`)).join('');
}

/** Adds the products of `steps` values of k, named by `a` and `b`, to the sum of row i and run q. */
export function addProducts(
  { arithmetic }: MatmulSpec,
  [i, q]: readonly [number, number],
  steps: number,
  a: (i: number, u: number) => string,
  b: (q: number, u: number) => string,
): string[] {
  const sum = `sum${i}_${q}`;
  if (arithmetic === 'f32') return range(steps).map((u) => `${sum} = fma(vec4f(${a(i, u)}), ${b(q, u)}, ${sum});`);
  const products = range(steps)
    .slice(1)
    .reduce((rest, u) => `fma(vec4h(${a(i, u)}), ${b(q, u)}, ${rest})`, `vec4h(${a(i, 0)}) * ${b(q, 0)}`);
  return [`${sum} += vec4f(${products});`];
}
