import { ToolError } from '../errors.ts';
import type { AdapterClass } from '../gpu/adapter.ts';
import { MAX_WORKGROUPS_PER_DIMENSION } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { matmulKernel, rowAxis } from './matmul.wgsl.ts';
import type { MatmulEpilogue, MatmulFusion, MatmulSize, MatmulSpec, MatmulTile, MatmulVectors } from './matmul-spec.ts';

/** A tile worth timing, with the speed that the static choice assumes for it. */
interface MatmulCandidate {
  readonly tile: MatmulTile;
  /** Throughput on a large matmul, relative to the best of the list. */
  readonly rate: number;
}

function registers(rows: number, columns: number, lanesM: number, lanesN: number, rate: number): MatmulCandidate {
  return { tile: { memory: 'registers', rows, columns, lanesM, lanesN, depth: 4 }, rate };
}

function workgroup(
  rows: number,
  columns: number,
  lanesM: number,
  lanesN: number,
  depth: number,
  rate: number,
): MatmulCandidate {
  return { tile: { memory: 'workgroup', rows, columns, lanesM, lanesN, depth }, rate };
}

/**
 * The tiles that a tuner can time, by kind of adapter. The rates of `cpu` were measured on lavapipe
 * (Mesa 26.1.6, sizes 64 to 2048); those of `gpu` are estimates from published sweeps.
 */
export const matmulCandidates: Readonly<Record<AdapterClass, readonly MatmulCandidate[]>> = {
  cpu: [
    registers(8, 16, 8, 1, 1),
    registers(16, 8, 1, 8, 0.98),
    registers(4, 16, 8, 1, 0.8),
    registers(16, 4, 1, 8, 0.77),
    registers(8, 4, 1, 8, 0.56),
    registers(8, 4, 8, 1, 0.48),
    registers(4, 4, 1, 8, 0.37),
    registers(1, 4, 1, 8, 0.12),
  ],
  gpu: [
    workgroup(8, 8, 16, 16, 16, 1),
    workgroup(4, 4, 16, 16, 32, 0.8),
    workgroup(4, 4, 8, 8, 32, 0.6),
    workgroup(4, 4, 4, 16, 32, 0.5),
    registers(1, 4, 1, 32, 0.1),
  ],
};

/** Workgroups that run side by side: what fills a few cores, or the smaller GPUs. */
const CONCURRENT: Readonly<Record<AdapterClass, number>> = { cpu: 4, gpu: 64 };

interface MatmulVariant {
  readonly transA: boolean;
  readonly transB: boolean;
  readonly epilogue: MatmulEpilogue;
  readonly fused?: MatmulFusion | undefined;
}

/**
 * What a register tile keeps of its rate where both operands are read across their rows and its lanes lie
 * along the longer of M and N: then neighbouring lanes read from wide rows, one cache line of each. In
 * weight gradients (K 4096, M and N 64 to 512, lavapipe) it ran half as fast as lanes along the shorter.
 */
const WIDE_ROWS = 0.55;

/**
 * The tile with the least estimated time: rounds of concurrent workgroups, times the work of one. It
 * weighs what an edge wastes and whether there are enough workgroups against the speed of a large tile.
 */
function chooseMatmul(size: MatmulSize, { transA, transB }: MatmulVariant, adapterClass: AdapterClass): MatmulTile {
  const cost = ({ tile, rate }: MatmulCandidate): number => {
    const [x, y, z] = gridOf(size, tile);
    const work = tile.rows * tile.lanesM * tile.columns * tile.lanesN;
    const lanesAlongLonger = tile.lanesM > 1 ? size.m > size.n : size.n > size.m;
    const wide = tile.memory === 'registers' && transA && !transB && lanesAlongLonger;
    return (Math.ceil((x * y * z) / CONCURRENT[adapterClass]) * work) / (wide ? rate * WIDE_ROWS : rate);
  };
  return matmulCandidates[adapterClass].reduce((best, next) => (cost(next) < cost(best) ? next : best)).tile;
}

/** Workgroups along x, y and z. */
function gridOf(size: MatmulSize, tile: MatmulTile): [number, number, number] {
  const alongM = Math.ceil(size.m / (tile.rows * tile.lanesM));
  const alongN = Math.ceil(size.n / (tile.columns * tile.lanesN));
  return rowAxis(tile) === 'x' ? [alongM, alongN, size.batch] : [alongN, alongM, size.batch];
}

/** The widest loads and stores that the sizes and strides allow. */
export function chooseVectors(size: MatmulSize, { transA, transB }: MatmulVariant, tile: MatmulTile): MatmulVectors {
  const aligned = size.alignedOffsets !== false;
  const width = (...extents: number[]): 1 | 4 => (aligned && size.k > 0 && extents.every((n) => n % 4 === 0) ? 4 : 1);
  return {
    a: transA ? width(size.m, size.lda, size.strideA, tile.rows) : width(size.k, size.lda, size.strideA),
    b: width(transB ? size.k : size.n, size.ldb, size.strideB),
    c: width(size.n, size.ldc, size.strideC),
  };
}

interface MatmulPlan extends LaunchPlan {
  /** Multiplications and additions. */
  readonly flops: number;
  /** Least bytes to move: each operand once. */
  readonly bytes: number;
}

/**
 * Plans C = alpha * op(A) op(B) with an epilogue. Bindings: a, b, [bias | residual], the
 * operands of the fusion, [the kept sum], c. Throws ToolError
 * 'limit' for more matrices than a dispatch can count.
 */
export function planMatmul(
  size: MatmulSize,
  options: MatmulVariant & { readonly adapterClass: AdapterClass; readonly tile?: MatmulTile },
): MatmulPlan {
  const { m, n, k, batch } = size;
  const tile = options.tile ?? chooseMatmul(size, options, options.adapterClass);
  const workgroups = gridOf(size, tile);
  if (workgroups.some((count) => count > MAX_WORKGROUPS_PER_DIMENSION)) {
    throw new ToolError('limit', {
      op: 'matmul',
      expected: `at most ${MAX_WORKGROUPS_PER_DIMENSION} matrices, and tiles along M and N`,
      got: `${batch} matrices of ${m} x ${n}, in tiles of ${tile.rows * tile.lanesM} x ${tile.columns * tile.lanesN}`,
      hint: 'split the batch.',
    });
  }
  const { transA, transB, epilogue, fused } = options;
  const spec: MatmulSpec = { transA, transB, epilogue, fused, tile, vectors: chooseVectors(size, options, tile) };
  const { lda, ldb, ldc, strideA, strideB, strideC, alpha = 1 } = size;
  const shared = (stride: number) => (stride === 0 ? 1 : batch);
  const touchesC = { none: 1, bias: 1, residual: 2, accumulate: 2 }[epilogue];
  const matrices = touchesC + count(fused, 'matrix') + (fused?.keepsSum === true ? 1 : 0);
  const rows = (epilogue === 'bias' ? 1 : 0) + count(fused, 'row');
  const elements = shared(strideA) * m * k + shared(strideB) * k * n + matrices * batch * m * n + rows * n;
  return {
    kernel: matmulKernel(spec),
    params: [m, n, k, lda, ldb, ldc, strideA, strideB, strideC, alpha, ...(fused?.scalars ?? [])],
    workgroups,
    flops: 2 * batch * m * n * k,
    bytes: 4 * elements,
  };
}

function count(fused: MatmulFusion | undefined, kind: 'matrix' | 'row'): number {
  return fused?.operands.filter((operand) => operand === kind).length ?? 0;
}
