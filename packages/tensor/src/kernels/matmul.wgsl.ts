import type { Kernel } from '../gpu/kernel.ts';
import { registerBody } from './matmul-registers.wgsl.ts';
import type { MatmulSpec, MatmulTile } from './matmul-spec.ts';
import { fusionKey, fusionParams, storeBindings } from './matmul-store.wgsl.ts';
import { streamBindings, streamBody } from './matmul-stream.wgsl.ts';
import { subgroupBody } from './matmul-subgroup.wgsl.ts';
import { subgroupMatrixBody } from './matmul-subgroup-matrix.wgsl.ts';
import { nameTile } from './matmul-tile.ts';
import { operandBindings } from './matmul-weight.wgsl.ts';
import { workgroupBody } from './matmul-workgroup.wgsl.ts';

/*
 * Math     C = f(alpha * op(A) op(B)  (+ bias[n] | + residual[m, n] | + C)), for each matrix of a batch; f is
 *          the fused pointwise expression, if there is one.
 * Layout   Rows of A, B, C are lda, ldb, ldc elements apart, matrices strideA, strideB, strideC (0 for an
 *          operand that all matrices share). op(A) is [M, K], stored [K, M] under transA; op(B) is [K, N],
 *          stored [N, K] under transB. Transposes are a matter of indexing, never of a copy. The residual
 *          is laid out like C. A may be f32, f16 or bf16; B these or quantised (matmul-weight.wgsl.ts).
 * Dispatch x: tiles along N, y: tiles along M (swapped for tiles one lane high, see `rowAxis`), z: batch times
 *          parts of K; folded into one long row where a dimension would be too long. A thread makes rows x
 *          columns values of C in registers: rows next to each other, columns in runs of 4 that are lanesN
 *          runs apart, so that neighbouring threads store neighbouring runs.
 * Memory   registers: straight from A and B, M*N*K*4 / (columns of a workgroup) bytes of A, and of B with its
 *          rows, mostly from the cache. workgroup: `depth` steps of k at a time in 4 x 4 blocks, k-major,
 *          (tileM + tileN) * depth * 4 bytes. subgroup: A is loaded once a subgroup and passed round. matrix:
 *          staged like workgroup, in the component type, and C once more. Split: every part of K writes its
 *          sums, which matmul-combine.wgsl.ts adds up. stream: see matmul-stream.wgsl.ts.
 * Numerics Sums are f32. Without lanes along K, splits, f16 products and matrices, each value of C is one sum
 *          in the order k = 0, 1, ... K - 1 with fma(); alpha and the epilogue are one more fma(). It depends
 *          on nothing but its own row of op(A) and column of op(B): not on M, the batch, the tile or the
 *          vector widths. All these kernels agree to the last bit on one adapter, so a tile may be chosen by
 *          speed alone. (Whether fma() rounds once is the driver's affair: llvmpipe multiplies and adds.)
 *          Lanes along K and splits add in another order, the same every time. f16 products round the
 *          operands to f16 and add four products in f16 before they join the sum; matrices of f16 only round
 *          the operands.
 * Limits   Vector width 4 wants the contiguous extent, the row stride and the batch stride divisible by 4;
 *          4 x 4 transposes want rows divisible by 4 where A is stored [K, M]. matmul-plan.ts sees to both.
 * Source   Workgroup tiles: the blocking of Goto and van de Geijn (2008) at two levels. Register tiles are
 *          for drivers that run on a CPU, where a barrier costs more than it saves. There a load whose
 *          address is the same for all lanes is a scalar load, hence the tiles one lane wide in M or N;
 *          and the four steps of k are innermost in the text, since LLVM keeps that order and an
 *          accumulator then stays in its register for four steps (1.2 to 1.4 times as fast at 512^3).
 *          Lanes along K are the matrix-vector kernel of decoding: B streams once, whatever M up to 4.
 */

const PARAMS = ['m', 'n', 'k', 'lda', 'ldb', 'ldc', 'strideA', 'strideB', 'strideC'] as const;

const BODIES: Readonly<Record<MatmulTile['memory'], (spec: MatmulSpec) => string>> = {
  registers: registerBody,
  stream: streamBody,
  workgroup: workgroupBody,
  subgroup: subgroupBody,
  matrix: subgroupMatrixBody,
};

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
  const enables = [
    ...(arithmetic === 'f16' || tile.matrix?.component === 'f16' ? ['f16'] : []),
    ...(tile.memory === 'subgroup' || tile.memory === 'matrix' ? ['subgroups'] : []),
    ...(tile.memory === 'matrix' ? ['chromium_experimental_subgroup_matrix'] : []),
  ];
  return {
    key: ['matmul', layout, epilogue, nameTile(tile), widths, ...options].join('/') + fusionKey(fused),
    label: ['tensor/matmul', ['', layout, ...options].join('/'), ...added.map((name) => `+${name}`)].join(''),
    ...(enables.length > 0 ? { enables } : {}),
    bindings: [
      ...operandBindings('a', input, vectors.a),
      ...(tile.memory === 'stream' ? streamBindings() : operandBindings('b', weight, vectors.b)),
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
      ...(tile.memory === 'workgroup' || tile.memory === 'matrix' ? { DEPTH: tile.depth } : {}),
    },
    body: () => BODIES[tile.memory](spec),
  };
}
