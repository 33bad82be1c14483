import type { Kernel, KernelBinding } from '../gpu/kernel.ts';
import {
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

/** The kernel of a spec. Bindings: a, b, bias or residual where there is one, c; parameters: see `planMatmul`. */
export function matmulKernel(spec: MatmulSpec): Kernel {
  const { transA, transB, epilogue, fused, tile, vectors } = spec;
  const layout = `${transA ? 't' : 'n'}${transB ? 't' : 'n'}`;
  const shape = `${tile.memory}${tile.rows}x${tile.columns}`;
  const lanes = `${tile.lanesM}x${tile.lanesN}x${tile.depth}`;
  const constants = { LANES_M: tile.lanesM, LANES_N: tile.lanesN };
  return {
    key: `matmul/${layout}/${epilogue}/${shape}/${lanes}/v${vectors.a}${vectors.b}${vectors.c}${fusionKey(fused)}`,
    label: `tensor/matmul/${layout}${epilogue === 'none' ? '' : `+${epilogue}`}${fused === undefined ? '' : `+${fused.expression.name}`}`,
    bindings: matmulBindings(spec),
    params: [
      ...PARAMS.map((name) => ({ name, type: 'u32' as const })),
      { name: 'alpha', type: 'f32' },
      ...fusionParams(fused),
    ],
    constants: tile.memory === 'workgroup' ? { ...constants, DEPTH: tile.depth } : constants,
    body: () => (tile.memory === 'workgroup' ? workgroupBody(spec) : registerBody(spec)),
  };
}

function matmulBindings({ epilogue, fused, vectors }: MatmulSpec): KernelBinding[] {
  const element = (width: 1 | 4) => (width === 4 ? 'vec4<f32>' : 'f32');
  return [
    { name: 'a', access: 'read', element: element(vectors.a) },
    { name: 'b', access: 'read', element: element(vectors.b) },
    ...storeBindings({ epilogue, fused, vector: vectors.c }),
  ];
}

/**
 * The grid dimension along M. Workgroups next to each other in x run at the same time or soon after: they
 * should share the operand that lanes read apart, which is the dear one of the two.
 */
export function rowAxis(tile: MatmulTile): 'x' | 'y' {
  return tile.lanesM === 1 ? 'x' : 'y';
}

/** The entry point up to the thread's place in C, and the operands' bases. */
function entry({ tile }: MatmulSpec, operands: readonly MatmulOperand[]): string {
  // A dimension of one lane is written as 0, so that the compiler sees addresses that all lanes share.
  return `
@compute @workgroup_size(LANES_N, LANES_M)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let lane_m = ${tile.lanesM === 1 ? '0u' : 'local.y'};
  let lane_n = ${tile.lanesN === 1 ? '0u' : 'local.x'};
  let tile_row = group.${rowAxis(tile)} * LANES_M * ${tile.rows}u;
  let tile_column = group.${rowAxis(tile) === 'y' ? 'x' : 'y'} * LANES_N * ${tile.columns}u;
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
  return rows.flatMap((row, i) => runs.map((run, q) => `\n  store(group.z, ${row}, ${run}, sum${i}_${q});`)).join('');
}

function registerBody(spec: MatmulSpec): string {
  const { tile } = spec;
  const [a, b] = matmulOperands(spec);
  const { rows, runs } = places(spec);
  const columns = runs.flatMap((run) => range(4).map((x) => `${run} + ${x}u`));
  const advance = (steps: number) => `${declareValues(a, tile.rows, steps)}${declareValues(b, tile.columns, steps)}
    ${range(steps)
      .flatMap((u) => runs.map((_, q) => `let run${q}_${u} = ${vectorAt(b, q, u)};`))
      .join('\n    ')}
    ${runs
      .flatMap((_, q) => rows.flatMap((_, i) => range(steps).map((u) => [q, i, u] as const)))
      .map(([q, i, u]) => `sum${i}_${q} = fma(vec4f(${valueAt(a, i, u)}), run${q}_${u}, sum${i}_${q});`)
      .join('\n    ')}`;
  // Loads of four along k come only with a K that is a multiple of 4: then nothing remains.
  const takesAnyK = [a, b].every(({ contiguous, vector }) => contiguous === 'index' || vector === 1);
  const remainder = `
  for (var k = whole; k < params.k; k++) {${advance(1)}
  }`;
  return `
override LANES_M: u32;
override LANES_N: u32;
${storeFunction({ ...spec, vector: spec.vectors.c })}${entry(spec, [a, b])}${declareStarts(a, rows)}${declareStarts(b, columns)}${declareSums(spec)}
  let whole = params.k / 4u * 4u;
  for (var k = 0u; k < whole; k += 4u) {${advance(4)}
  }${takesAnyK ? remainder : ''}${storeSums(spec)}
}
`;
}

/**
 * Copies an operand's part of the tile to workgroup memory, `runs` vec4 a step of k. A thread takes 4 x 4
 * blocks; neighbours take blocks that are next to each other in memory. Steps past K are left as they are:
 * nothing reads them.
 */
function stage(operand: MatmulOperand, runs: string, first: string): string {
  const { name, contiguous } = operand;
  const [run, step] =
    contiguous === 'k' ? ['block / (DEPTH / 4u)', 'block % (DEPTH / 4u)'] : [`block % (${runs})`, `block / (${runs})`];
  return `
    for (var block = thread; block < DEPTH / 4u * (${runs}); block += LANES_M * LANES_N) {
      let run = ${run};
      let step = (${step}) * 4u;
      let k = k0 + step;
      if (k < params.k) {${declareStarts(
        operand,
        range(4).map((x) => `${first} + run * 4u + ${x}u`),
      )}${declareValues(operand, 4, 4)}
        ${range(4)
          .map((u) => `staged_${name}[(step + ${u}u) * (${runs}) + run] = ${vectorAt(operand, 0, u)};`)
          .join('\n        ')}
      }
    }`;
}

function workgroupBody(spec: MatmulSpec): string {
  const { tile } = spec;
  const [a, b] = matmulOperands(spec);
  const [runsA, runsB] = [`LANES_M * ${tile.rows / 4}u`, `LANES_N * ${tile.columns / 4}u`];
  const staged: MatmulOperand[] = [
    { name: 'a', contiguous: 'index', vector: 4 },
    { name: 'b', contiguous: 'index', vector: 4 },
  ];
  const [ofA, ofB] = staged as [MatmulOperand, MatmulOperand];
  return `
override LANES_M: u32;
override LANES_N: u32;
override DEPTH: u32;
var<workgroup> staged_a: array<vec4f, DEPTH * ${runsA}>;
var<workgroup> staged_b: array<vec4f, DEPTH * ${runsB}>;
${storeFunction({ ...spec, vector: spec.vectors.c })}${entry(spec, [a, b])}${declareSums(spec)}
  for (var k0 = 0u; k0 < params.k; k0 += DEPTH) {${stage(a, runsA, 'tile_row')}${stage(b, runsB, 'tile_column')}
    workgroupBarrier();
    let steps = min(DEPTH, params.k - k0);
    for (var step = 0u; step < steps; step++) {
      ${range(tile.rows / 4)
        .map((p) => `let a${p}_0 = staged_a[step * ${runsA} + lane_m * ${tile.rows / 4}u + ${p}u];`)
        .join('\n      ')}
      ${range(tile.columns / 4)
        .map((q) => `let b${q}_0 = staged_b[step * ${runsB} + lane_n + ${q}u * LANES_N];`)
        .join('\n      ')}
      ${range(tile.rows)
        .flatMap((i) => range(tile.columns / 4).map((q) => [i, q] as const))
        .map(([i, q]) => `sum${i}_${q} = fma(vec4f(${valueAt(ofA, i, 0)}), ${vectorAt(ofB, q, 0)}, sum${i}_${q});`)
        .join('\n      ')}
    }
    workgroupBarrier();
  }${storeSums(spec)}
}
`;
}
