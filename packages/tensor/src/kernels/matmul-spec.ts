import type { ElementwiseExpression } from './elementwise.wgsl.ts';

/** What a matmul does with alpha * op(A) op(B) on its way to C. */
export type MatmulEpilogue = 'none' | 'bias' | 'residual' | 'accumulate';

/**
 * A pointwise expression that the values of C pass through after the built-in epilogue. `x0` is the value
 * of C, `x1`, `x2`, ... are the operands, in order; they are f32.
 */
export interface MatmulFusion {
  readonly expression: ElementwiseExpression;
  /** How each operand is laid out: like C, or as one row [N] that all rows of C share. */
  readonly operands: readonly ('matrix' | 'row')[];
  /** Values of the expression's scalars. */
  readonly scalars?: readonly number[];
  /** Also stores x0, to a second output laid out like C. */
  readonly keepsSum?: boolean;
}

/** How the work of C is cut up: one workgroup makes (rows * lanesM) x (columns * lanesN) values of C. */
export interface MatmulTile {
  /** Where the operands wait between their load and their use. */
  readonly memory: 'registers' | 'workgroup';
  /** Rows of C that one thread makes. A multiple of 4 for workgroup memory. */
  readonly rows: number;
  /** Columns of C that one thread makes. A multiple of 4. */
  readonly columns: number;
  /** Threads of a workgroup along M. */
  readonly lanesM: number;
  /** Threads of a workgroup along N. */
  readonly lanesN: number;
  /** Steps of k that are staged at a time (a multiple of 4); register tiles always take 4. */
  readonly depth: number;
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
