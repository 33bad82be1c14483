import { ToolError } from '../errors.ts';
import { linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { matmulKernel } from './matmul.wgsl.ts';
import { chooseMatmul, gridOf, matmulCandidates } from './matmul-candidates.ts';
import { combineWorkgroups, matmulCombineKernel } from './matmul-combine.wgsl.ts';
import type {
  MatmulCandidate,
  MatmulCapabilities,
  MatmulSize,
  MatmulSpec,
  MatmulTile,
  MatmulVariant,
  MatmulVectors,
} from './matmul-spec.ts';
import { fusionValues } from './matmul-store.wgsl.ts';
import { WEIGHT_BLOCK, WEIGHT_BYTES } from './matmul-weight.wgsl.ts';

/** The widest loads and stores that the sizes and strides allow. */
export function chooseVectors(
  size: MatmulSize,
  { transA, transB, weight = 'f32' }: MatmulVariant,
  tile: MatmulTile,
): MatmulVectors {
  const aligned = size.alignedOffsets !== false;
  const width = (...extents: number[]): 1 | 4 => (aligned && size.k > 0 && extents.every((n) => n % 4 === 0) ? 4 : 1);
  return {
    a: transA ? width(size.m, size.lda, size.strideA, tile.rows) : width(size.k, size.lda, size.strideA),
    b: WEIGHT_BLOCK[weight] > 1 ? 4 : width(transB ? size.k : size.n, size.ldb, size.strideB),
    c: width(size.n, size.ldc, size.strideC),
  };
}

export interface MatmulPlan extends LaunchPlan {
  /** The id of the candidate. */
  readonly variant: string;
  /** Multiplications and additions. */
  readonly flops: number;
  /** Least bytes to move: each operand once. */
  readonly bytes: number;
  /**
   * For a sum that is split along K: the second launch, and the bytes of the buffer between the two. Then the
   * bindings of the plan itself are a, b, [scales], that buffer; those of `combine` that buffer, [bias |
   * residual], the operands of the fusion, [the kept sum], c.
   */
  readonly combine?: LaunchPlan & { readonly partBytes: number };
}

/**
 * Plans C = alpha * op(A) op(B) with an epilogue. Bindings: a, b, [the scales of quantised weights], [bias |
 * residual], the operands of the fusion, [the kept sum], c. `candidate` is the id of one of `matmulCandidates`,
 * or a candidate; without it the static choice is taken. Throws ToolError 'usage' for an id that is not
 * among the candidates, 'device' for f16 products without `shader-f16`, and 'shape' for quantised rows that are not whole blocks.
 */
export function planMatmul(
  size: MatmulSize,
  options: MatmulVariant & {
    readonly capabilities: MatmulCapabilities;
    readonly candidate?: string | MatmulCandidate | undefined;
  },
): MatmulPlan {
  const { capabilities, epilogue, fused, input = 'f32', weight = 'f32', arithmetic = 'f32', transA, transB } = options;
  assertWholeBlocks(size, options);
  if (arithmetic === 'f16' && !capabilities.features.has('shader-f16')) {
    throw new ToolError('device', {
      op: 'matmul',
      expected: 'an adapter with shader-f16 for products in f16',
      got: 'one without',
      hint: 'leave the arithmetic at f32: f16 values can be multiplied in it too.',
    });
  }
  const candidate =
    typeof options.candidate === 'object'
      ? options.candidate
      : options.candidate === undefined
        ? chooseMatmul(size, options, capabilities)
        : candidateOf(options.candidate, size, options, capabilities);
  const { tile } = candidate;
  // Parts are whole steps of the staged loops; the last one may be shorter, but none is empty.
  const chunk = Math.max(4, Math.ceil(size.k / candidate.splits / 4) * 4);
  const splits = candidate.splits === 1 ? 1 : Math.max(1, Math.ceil(size.k / chunk));
  const isSplit = splits > 1;
  const { m, n, k, batch, lda, ldb, strideA, strideB, alpha = 1 } = size;
  const out = isSplit ? { ldc: n, strideC: m * n } : { ldc: size.ldc, strideC: size.strideC };
  const grid = gridOf(size, { ...candidate, splits });
  const isFolded = grid.some((count) => count > capabilities.maxWorkgroups);
  const vectors = chooseVectors({ ...size, ...out }, options, tile);
  const spec: MatmulSpec = {
    transA,
    transB,
    epilogue: isSplit ? 'none' : epilogue,
    fused: isSplit ? undefined : fused,
    tile,
    vectors,
    input,
    weight,
    arithmetic,
    isSplit,
    isFolded,
  };
  const tiles = grid[0] * grid[1] * grid[2];
  const scalars = fusionValues(fused);
  return {
    kernel: matmulKernel(spec),
    params: [
      ...[m, n, k, lda, ldb, out.ldc, strideA, strideB, out.strideC, isSplit ? 1 : alpha],
      ...(isSplit ? [batch, chunk] : []),
      ...(isFolded ? [grid[0], grid[1], tiles] : []),
      ...(isSplit ? [] : scalars),
    ],
    workgroups: isFolded ? linearWorkgroups(tiles, capabilities.maxWorkgroups) : grid,
    variant: candidate.id,
    flops: 2 * batch * m * n * k,
    bytes: leastBytes(size, options),
    ...(isSplit ? { combine: planCombine(size, options, splits) } : {}),
  };
}

function planCombine(
  size: MatmulSize,
  options: MatmulVariant & { readonly capabilities: MatmulCapabilities },
  splits: number,
): LaunchPlan & { readonly partBytes: number } {
  const { m, n, batch, ldc, strideC, alpha = 1 } = size;
  const { epilogue, fused } = options;
  const vector = [n, ldc, strideC].every((extent) => extent % 4 === 0) && size.alignedOffsets !== false ? 4 : 1;
  return {
    kernel: matmulCombineKernel({ epilogue, fused, vector }),
    params: [m, n, ldc, strideC, batch, splits, alpha, ...fusionValues(fused)],
    workgroups: linearWorkgroups(combineWorkgroups(batch * m * Math.ceil(n / 4)), options.capabilities.maxWorkgroups),
    partBytes: 4 * splits * batch * m * n,
  };
}

function candidateOf(
  id: string,
  size: MatmulSize,
  variant: MatmulVariant,
  capabilities: MatmulCapabilities,
): MatmulCandidate {
  const candidates = matmulCandidates(size, variant, capabilities);
  const found = candidates.find((candidate) => candidate.id === id);
  if (found !== undefined) return found;
  throw new ToolError('usage', {
    op: 'matmul',
    expected: `one of ${candidates.map((candidate) => candidate.id).join(', ')}`,
    got: id,
  });
}

function assertWholeBlocks({ k, n, ldb }: MatmulSize, { transB, weight = 'f32' }: MatmulVariant): void {
  const block = WEIGHT_BLOCK[weight];
  const row = transB ? k : n;
  if (row % block === 0 && (block === 1 || ldb === row)) return;
  throw new ToolError('shape', {
    op: 'matmul',
    expected: `${weight} weights with rows of whole blocks of ${block}, one after the other`,
    got: `rows of ${row}, ${ldb} apart`,
  });
}

/** Each operand once. */
function leastBytes({ m, n, k, batch, strideA, strideB }: MatmulSize, variant: MatmulVariant): number {
  const { epilogue, fused, input = 'f32', weight = 'f32' } = variant;
  const matrices = (stride: number) => (stride === 0 ? 1 : batch);
  const extras = fused?.operands ?? [];
  const likeC =
    1 +
    (epilogue === 'residual' || epilogue === 'accumulate' ? 1 : 0) +
    extras.filter((kind) => kind === 'matrix').length +
    (fused?.keepsSum === true ? 1 : 0);
  const rows = (epilogue === 'bias' ? 1 : 0) + extras.filter((kind) => kind === 'row').length;
  const floats = likeC * batch * m * n + rows * n;
  return (
    4 * floats + matrices(strideA) * m * k * WEIGHT_BYTES[input] + matrices(strideB) * k * n * WEIGHT_BYTES[weight]
  );
}
