import type { AdapterClass } from '../gpu/adapter.ts';
import type { SubgroupMatrixSpelling } from '../gpu/subgroup-matrix.ts';
import type { ScalarLike } from '../scalar.ts';
import type { ElementwiseExpression } from './elementwise.wgsl.ts';

/** What a matmul does with alpha * op(A) op(B) on its way to C. */
export type MatmulEpilogue = 'none' | 'bias' | 'residual' | 'accumulate';

/**
 * A pointwise expression that the values of C pass through after the built-in epilogue. `x0` is the value
 * of C, `x1`, `x2`, ... are the operands, in order; they are f32.
 */
export interface MatmulFusion {
  readonly expression: ElementwiseExpression;
  /**
   * How each operand is laid out: like C; as one row [N] that all rows of C share; as one column [M] that all
   * columns share, of f32 or (`ids`) of u32. With `COLUMN` the expression reads the column, a u32.
   */
  readonly operands: readonly ('matrix' | 'row' | 'column' | 'ids')[];
  /** What `COLUMN` is in the first column. Default 0. */
  readonly firstColumn?: number;
  /** Values of the expression's scalars. */
  readonly scalars?: readonly ScalarLike[];
  /** Also stores x0, to a second output laid out like C. */
  readonly keepsSum?: boolean;
}

/** How A is stored. */
export type FloatFormat = 'f32' | 'f16' | 'bf16';

/** How B is stored: floats, or blocks of small integers with a scale (matmul-weight.wgsl.ts). */
export type WeightFormat = FloatFormat | 'q8_0' | 'q4_0' | 'nf4';

/** What the products are computed in; sums are always f32. */
export type MatmulArithmetic = 'f32' | 'f16';

/** A product of subgroup matrices that the adapter has, into sums of f32; and how its WGSL is spelled. */
export interface SubgroupMatrix {
  readonly component: 'f16' | 'f32';
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly spelling: SubgroupMatrixSpelling;
}

/** How the work of C is cut up: one workgroup makes (rows * lanesM) x (columns * lanesN) values of C. */
export interface MatmulTile {
  /** Where the operands wait between their load and their use. */
  readonly memory: 'registers' | 'stream' | 'workgroup' | 'subgroup' | 'matrix';
  /** Rows of C that one thread makes. A multiple of 4 for workgroup memory. */
  readonly rows: number;
  /** Columns of C that one thread makes. A multiple of 4. */
  readonly columns: number;
  /** Threads of a workgroup along M. */
  readonly lanesM: number;
  /** Threads of a workgroup along N. */
  readonly lanesN: number;
  /** Threads that share the sum of a value: a power of two, and 1 for workgroup memory. */
  readonly lanesK: number;
  /** Steps of k that are taken at a time (a multiple of 4, and for `stream` of its words); register tiles always take 4. */
  readonly depth: number;
  /** For subgroup matrices: their sizes, which divide rows, columns and depth. */
  readonly matrix?: SubgroupMatrix;
}

/** A way to run a matmul. */
export interface MatmulCandidate {
  /** Stable across versions as long as the kernel is the same. */
  readonly id: string;
  readonly tile: MatmulTile;
  /** Parts of K that are summed apart and added by a second kernel; 1 is the plain sum. */
  readonly splits: number;
  /** Whether every value is the plain sum in the order of k: then its last bits are those of all such candidates. */
  readonly inOrder: boolean;
}

/** Elements that one load or store moves. The plan sees to it that a 4 is only used where it fits. */
export interface MatmulVectors {
  readonly a: 1 | 4;
  readonly b: 1 | 4;
  readonly c: 1 | 4;
}

/** All that the text of a matmul kernel depends on. */
export interface MatmulSpec {
  /** A is stored [K, M] instead of [M, K]. */
  readonly transA: boolean;
  /** B is stored [N, K] instead of [K, N], as the weight of a linear layer is. */
  readonly transB: boolean;
  readonly epilogue: MatmulEpilogue;
  readonly fused?: MatmulFusion | undefined;
  readonly tile: MatmulTile;
  readonly vectors: MatmulVectors;
  readonly input: FloatFormat;
  readonly weight: WeightFormat;
  readonly arithmetic: MatmulArithmetic;
  /** Workgroups take one part of K and of the batch each, and C is one matrix a part. */
  readonly isSplit: boolean;
  /** The grid is one row of workgroups, folded over x and y. */
  readonly isFolded: boolean;
}

/** What is multiplied and what becomes of it: all that a tuner need not know the kernels for. */
export interface MatmulVariant {
  readonly transA: boolean;
  readonly transB: boolean;
  readonly epilogue: MatmulEpilogue;
  readonly fused?: MatmulFusion | undefined;
  /** How A is stored. Default f32. */
  readonly input?: FloatFormat | undefined;
  /** How B is stored. Default f32. */
  readonly weight?: WeightFormat | undefined;
  /** Default f32. f16 wants the feature `shader-f16`. */
  readonly arithmetic?: MatmulArithmetic | undefined;
}

/** What an adapter can do, as far as matmul cares. */
export interface MatmulCapabilities {
  readonly adapterClass: AdapterClass;
  readonly features: ReadonlySet<string>;
  readonly maxInvocations: number;
  readonly maxWorkgroupBytes: number;
  /** Most workgroups in one dimension of the grid. */
  readonly maxWorkgroups: number;
  /** Most threads of a subgroup; 0 without subgroups. */
  readonly maxSubgroup: number;
  readonly matrices: readonly SubgroupMatrix[];
  /** Families of kernels (`matmulFamily`) that were found to compute wrongly on this device. */
  readonly refusedFamilies?: ReadonlySet<string>;
}

/** Sizes and strides of one matmul, in elements. */
export interface MatmulSize {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch: number;
  /** From one stored row to the next. */
  readonly lda: number;
  readonly ldb: number;
  /** The residual is laid out like C. */
  readonly ldc: number;
  /** From one matrix of the batch to the next; 0 uses the same matrix for all. */
  readonly strideA: number;
  readonly strideB: number;
  readonly strideC: number;
  /** Default 1. */
  readonly alpha?: number;
  /** False where a binding may begin off a multiple of 16 bytes. Default true. */
  readonly alignedOffsets?: boolean;
}
