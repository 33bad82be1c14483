import type { Kernel } from '../gpu/kernel.ts';
import {
  COMPONENTS,
  declareOperand,
  declareStarts,
  declareValues,
  type MatmulOperand,
  matmulOperands,
  range,
  valueAt,
  vectorAt,
} from './matmul-operand.wgsl.ts';
import type { MatmulSpec, MatmulTile } from './matmul-spec.ts';
import { fusionKey, fusionParams, storeBindings, storeFunction } from './matmul-store.wgsl.ts';
import { loadFunction, operandBindings } from './matmul-weight.wgsl.ts';

/*
 * Math     C = f(alpha * op(A) op(B)  (+ bias[n] | + residual[m, n] | + C)), for each matrix of a batch; f is
 *          the fused pointwise expression, if there is one.
 * Layout   Rows of A, B, C are lda, ldb, ldc elements apart, matrices strideA, strideB, strideC (0 for an
 *          operand that all matrices share). op(A) is [M, K], stored [K, M] under transA; op(B) is [K, N],
 *          stored [N, K] under transB. Transposes are a matter of indexing, never of a copy. The residual
 *          is laid out like C.
 * Dispatch x: tiles along N, y: tiles along M (swapped for tiles one lane high, see `rowAxis`), z: batch. A
 *          thread makes rows x columns values of C in registers: rows next to each other, columns in runs
 *          of 4 that are lanesN runs apart, so that neighbouring threads store neighbouring runs.
 * Memory   Register tiles load straight from A and B: M*N*K*4 / (columns of a workgroup) bytes of A, and
 *          of B with its rows, mostly from the cache. Workgroup tiles stage `depth` steps of k at a time in
 *          4 x 4 blocks, k-major, (tileM + tileN) * depth * 4 bytes of workgroup memory.
 * Numerics f32. Each value of C is one sum in the order k = 0, 1, ... K - 1 with fma(); alpha and the
 *          epilogue are one more fma(). It depends on nothing but its own row of op(A) and column of
 *          op(B): not on M, the batch, the tile or the vector widths. All kernels of the family agree to
 *          the last bit on one adapter, so a tile may be chosen by speed alone. (Whether fma() rounds once
 *          is the driver's affair: llvmpipe multiplies and adds.)
 * Limits   Vector width 4 wants the contiguous extent, the row stride and the batch stride divisible by 4;
 *          4 x 4 transposes want rows divisible by 4 where A is stored [K, M]. matmul-plan.ts sees to both.
 * Source   Workgroup tiles: the blocking of Goto and van de Geijn (2008) at two levels. Register tiles are
 *          for drivers that run on a CPU, where a barrier costs more than it saves. There a load whose
 *          address is the same for all lanes is a scalar load, hence the tiles one lane wide in M or N;
 *          and the four steps of k are innermost in the text, since LLVM keeps that order and an
 *          accumulator then stays in its register for four steps (1.2 to 1.4 times as fast at 512^3).
 */

const PARAMS = ['m', 'n', 'k', 'lda', 'ldb', 'ldc', 'strideA', 'strideB', 'strideC'] as const;

/**
 * The kernel of a spec. Bindings: a, b, the scales of quantised weights, what `storeBindings` lists; parameters:
 * see `planMatmul`.
 */
export function matmulKernel(spec: MatmulSpec): Kernel {
  const { transA, transB, epilogue, fused, tile, vectors, input, weight, arithmetic, isSplit, isFolded } = spec;
  const layout = `${transA ? 't' : 'n'}${transB ? 't' : 'n'}`;
  const options = [
    ...(input === 'f32' && weight === 'f32' ? [] : [`${input}x${weight}`]),
    ...(arithmetic === 'f32' ? [] : ['in-f16']),
    ...(isSplit ? ['split'] : []),
    ...(isFolded ? ['folded'] : []),
  ];
  const widths = `v${vectors.a}${vectors.b}${vectors.c}`;
  const added = [epilogue, fused?.expression.name].filter((name) => name !== undefined && name !== 'none');
  const u32 = (names: readonly string[]) => names.map((name) => ({ name, type: 'u32' as const }));
  return {
    key: ['matmul', layout, epilogue, nameTile(tile), widths, ...options].join('/') + fusionKey(fused),
    label: ['tensor/matmul', ['', layout, ...options].join('/'), ...added.map((name) => `+${name}`)].join(''),
    ...(arithmetic === 'f16' ? { enables: ['f16'] } : {}),
    bindings: [
      ...operandBindings('a', input, vectors.a),
      ...operandBindings('b', weight, vectors.b),
      ...storeBindings({ epilogue, fused, vector: vectors.c }),
    ],
    params: [
      ...u32(PARAMS),
      { name: 'alpha', type: 'f32' },
      ...u32(isSplit ? ['batch', 'chunk'] : []),
      ...u32(isFolded ? ['tilesX', 'tilesY', 'tiles'] : []),
      ...fusionParams(fused),
    ],
    constants: {
      LANES_M: tile.lanesM,
      LANES_N: tile.lanesN,
      ...(tile.lanesK > 1 ? { LANES_K: tile.lanesK } : {}),
      ...(tile.memory === 'workgroup' ? { DEPTH: tile.depth } : {}),
    },
    body: () => (tile.memory === 'workgroup' ? workgroupBody(spec) : registerBody(spec)),
  };
}

/** A name that stands for the tile: no two tiles share one. */
export function nameTile({ memory, rows, columns, lanesM, lanesN, lanesK, depth }: MatmulTile): string {
  const lanes = lanesK === 1 ? `${lanesM}x${lanesN}` : `${lanesM}x${lanesN}x${lanesK}`;
  return `${memory}-${rows}x${columns}-${lanes}${memory === 'workgroup' ? `-${depth}` : ''}`;
}

/**
 * The grid dimension along M. Workgroups next to each other in x run at the same time or soon after: they
 * should share the operand that lanes read apart, which is the dear one of the two.
 */
export function rowAxis(tile: MatmulTile): 'x' | 'y' {
  return tile.lanesM === 1 ? 'x' : 'y';
}

/** The constants of the tile, and the function that stores sums. */
function head(spec: MatmulSpec): string {
  const { tile } = spec;
  const names = ['LANES_M', 'LANES_N', ...(tile.lanesK > 1 ? ['LANES_K'] : [])];
  return `
${names.map((name) => `override ${name}: u32;`).join('\n')}
${loadFunction('a', spec.input, spec.vectors.a)}${loadFunction('b', spec.weight, spec.vectors.b)}${storeFunction({ ...spec, vector: spec.vectors.c })}`;
}

/** The entry point up to the thread's place in C and its part of k, and the operands' bases. */
function entry({ tile, transB, isSplit, isFolded }: MatmulSpec, operands: readonly MatmulOperand[]): string {
  // Threads next to each other read B where it is contiguous.
  const [sizes, axes] =
    tile.lanesK === 1
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
  const lane = (name: 'm' | 'n', lanes: number) => (lanes === 1 ? '0u' : `local.${axes[name]}`);
  // A dimension of one lane is written as 0, so that the compiler sees addresses that all lanes share.
  return `
@compute @workgroup_size(${sizes})
fn main(
  @builtin(workgroup_id) group: vec3u,${isFolded ? '\n  @builtin(num_workgroups) groups: vec3u,' : ''}
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) thread: u32,
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
function places({ tile }: MatmulSpec): { rows: string[]; runs: string[] } {
  return {
    rows: range(tile.rows).map((i) => `row + ${i}u`),
    runs: range(tile.columns / 4).map((q) => (q === 0 ? 'column' : `column + ${q * 4}u * LANES_N`)),
  };
}

function declareSums({ tile }: MatmulSpec): string {
  return range(tile.rows)
    .map(
      (i) =>
        `\n  ${range(tile.columns / 4)
          .map((q) => `var sum${i}_${q} = vec4f();`)
          .join(' ')}`,
    )
    .join('');
}

function storeSums(spec: MatmulSpec): string {
  const { rows, runs } = places(spec);
  return rows.flatMap((row, i) => runs.map((run, q) => `\n  store(place.z, ${row}, ${run}, sum${i}_${q});`)).join('');
}

/** Adds the products of `steps` values of k, named by `a` and `b`, to the sum of row i and run q. */
function addProducts(
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

function registerBody(spec: MatmulSpec): string {
  const { tile, arithmetic } = spec;
  const [a, b] = matmulOperands(spec);
  const { rows, runs } = places(spec);
  const columns = runs.flatMap((run) => range(4).map((x) => `${run} + ${x}u`));
  const inF16 = arithmetic === 'f16';
  const advance = (steps: number) => `${declareValues(a, tile.rows, steps)}${declareValues(b, tile.columns, steps)}
    ${range(steps)
      .flatMap((u) => [
        ...(inF16 ? rows.map((_, i) => `let half_a${i}_${u} = f16(${valueAt(a, i, u)});`) : []),
        ...runs.map((_, q) => `let run${q}_${u} = ${inF16 ? `vec4h(${vectorAt(b, q, u)})` : vectorAt(b, q, u)};`),
      ])
      .join('\n    ')}
    ${runs
      .flatMap((_, q) => rows.map((_, i) => [i, q] as const))
      .flatMap((at) =>
        addProducts(
          spec,
          at,
          steps,
          (i, u) => (inF16 ? `half_a${i}_${u}` : valueAt(a, i, u)),
          (q, u) => `run${q}_${u}`,
        ),
      )
      .join('\n    ')}`;
  const [first, step] = tile.lanesK === 1 ? ['', '4u'] : [' + lane_k * 4u', '4u * LANES_K'];
  // Loads of four along k come only with a K that is a multiple of 4: then nothing remains.
  const takesAnyK = [a, b].every(({ contiguous, vector }) => contiguous === 'index' || vector === 1);
  const remainder = `
  for (var k = whole${tile.lanesK === 1 ? '' : ' + lane_k'}; k < k_last; k += ${tile.lanesK === 1 ? '1u' : 'LANES_K'}) {${advance(1)}
  }`;
  return `${tile.lanesK === 1 ? '' : `var<workgroup> parts: array<vec4f, ${tile.rows * runs.length * threadsOf(tile)}>;`}
${head(spec)}${entry(spec, [a, b])}${declareStarts(a, rows)}${declareStarts(b, columns)}${declareSums(spec)}
  let whole = k_first + (k_last - k_first) / 4u * 4u;
  for (var k = k_first${first}; k < whole; k += ${step}) {${advance(4)}
  }${takesAnyK ? remainder : ''}${tile.lanesK === 1 ? '' : combineLanes(spec)}${storeSums(spec)}
}
`;
}

export function threadsOf({ lanesM, lanesN, lanesK }: MatmulTile): number {
  return lanesM * lanesN * lanesK;
}

/** Adds the sums of the lanes along k in the same order every time; only the first of them goes on. */
function combineLanes(spec: MatmulSpec): string {
  const { tile, transB } = spec;
  const sums = range(tile.rows).flatMap((i) => range(tile.columns / 4).map((q) => `sum${i}_${q}`));
  const at = (s: number) => `parts[${s * threadsOf(tile)}u + thread]`;
  const other = (s: number) =>
    `parts[${s * threadsOf(tile)}u + thread + apart * ${transB ? '1u' : 'LANES_M * LANES_N'}]`;
  return `
  ${sums.map((sum, s) => `${at(s)} = ${sum};`).join('\n  ')}
  for (var apart = LANES_K / 2u; apart > 0u; apart /= 2u) {
    workgroupBarrier();
    if (lane_k < apart) {
      ${sums.map((sum, s) => `${sum} += ${other(s)};\n      ${at(s)} = ${sum};`).join('\n      ')}
    }
  }
  if (lane_k > 0u) { return; }`;
}

/**
 * Copies an operand's part of the tile to workgroup memory, `runs` vec4 a step of k. A thread takes 4 x 4
 * blocks; neighbours take blocks that are next to each other in memory. Steps past the last are left as they
 * are where nothing reads them; f16 products are taken four steps at a time, and there they are zero.
 */
function stage({ arithmetic }: MatmulSpec, operand: MatmulOperand, runs: string, first: string): string {
  const { name, contiguous } = operand;
  const inF16 = arithmetic === 'f16';
  const [run, step] =
    contiguous === 'k' ? ['block / (DEPTH / 4u)', 'block % (DEPTH / 4u)'] : [`block % (${runs})`, `block / (${runs})`];
  const place = (u: number) => `staged_${name}[(step + ${u}u) * (${runs}) + run]`;
  return `
    for (var block = thread; block < DEPTH / 4u * (${runs}); block += LANES_M * LANES_N) {
      let run = ${run};
      let step = (${step}) * 4u;
      let k = k0 + step;
      if (k < k_last) {${declareStarts(
        operand,
        range(4).map((x) => `${first} + run * 4u + ${x}u`),
      )}${declareValues(operand, 4, 4)}
        ${range(4)
          .map(
            (u) =>
              `${place(u)} = ${inF16 ? `select(vec4h(), vec4h(${vectorAt(operand, 0, u)}), k + ${u}u < k_last)` : vectorAt(operand, 0, u)};`,
          )
          .join('\n        ')}
      }${
        inF16
          ? ` else {\n        ${range(4)
              .map((u) => `${place(u)} = vec4h();`)
              .join('\n        ')}\n      }`
          : ''
      }
    }`;
}

function workgroupBody(spec: MatmulSpec): string {
  const { tile, arithmetic } = spec;
  const [a, b] = matmulOperands(spec);
  const [runsA, runsB] = [`LANES_M * ${tile.rows / 4}u`, `LANES_N * ${tile.columns / 4}u`];
  const element = arithmetic === 'f16' ? 'vec4h' : 'vec4f';
  const atOnce = arithmetic === 'f16' ? 4 : 1;
  return `
override DEPTH: u32;
var<workgroup> staged_a: array<${element}, DEPTH * ${runsA}>;
var<workgroup> staged_b: array<${element}, DEPTH * ${runsB}>;
${head(spec)}${entry(spec, [a, b])}${declareSums(spec)}
  for (var k0 = k_first; k0 < k_last; k0 += DEPTH) {${stage(spec, a, runsA, 'tile_row')}${stage(spec, b, runsB, 'tile_column')}
    workgroupBarrier();
    let steps = min(DEPTH, k_last - k0);
    for (var step = 0u; step < steps; step += ${atOnce}u) {
      ${range(atOnce)
        .flatMap((u) => [
          ...range(tile.rows / 4).map(
            (p) => `let a${p}_${u} = staged_a[(step + ${u}u) * ${runsA} + lane_m * ${tile.rows / 4}u + ${p}u];`,
          ),
          ...range(tile.columns / 4).map(
            (q) => `let b${q}_${u} = staged_b[(step + ${u}u) * ${runsB} + lane_n + ${q}u * LANES_N];`,
          ),
        ])
        .join('\n      ')}
      ${range(tile.rows)
        .flatMap((i) => range(tile.columns / 4).map((q) => [i, q] as const))
        .flatMap((at) =>
          addProducts(
            spec,
            at,
            atOnce,
            (i, u) => `a${Math.floor(i / 4)}_${u}.${COMPONENTS[i % 4]}`,
            (q, u) => `b${q}_${u}`,
          ),
        )
        .join('\n      ')}
    }
    workgroupBarrier();
  }${storeSums(spec)}
}
`;
}
