import { normalArray } from '@dawngrad/tensor/testing';
import type { MatmulEpilogue, MatmulSize } from '../../src/kernels/matmul-spec.ts';

export interface Case {
  readonly transA: boolean;
  readonly transB: boolean;
  readonly epilogue: MatmulEpilogue;
  readonly size: MatmulSize;
}

/** Plain row-major operands; `pad` extra elements end each stored row. */
export function caseOf(
  [m, n, k]: readonly [number, number, number],
  options: {
    layout?: string;
    epilogue?: MatmulEpilogue;
    batch?: number;
    pad?: number;
    sharedB?: boolean;
    alpha?: number;
  },
): Case {
  const { layout = 'nn', epilogue = 'none', batch = 1, pad = 0, sharedB = false, alpha = 1 } = options;
  const [transA, transB] = [layout[0] === 't', layout[1] === 't'];
  const [lda, ldb, ldc] = [(transA ? m : k) + pad, (transB ? k : n) + pad, n + pad];
  const strides = {
    strideA: lda * (transA ? k : m),
    strideB: sharedB ? 0 : ldb * (transB ? n : k),
    strideC: ldc * m,
  };
  return { transA, transB, epilogue, size: { m, n, k, batch, lda, ldb, ldc, ...strides, alpha } };
}

export interface Operands {
  readonly a: Float32Array;
  readonly b: Float32Array;
  /** What C holds before, or the residual. */
  readonly c: Float32Array;
  readonly bias: Float32Array;
}

export function operandsOf({ size }: Case): Operands {
  const { m, n, batch, ldc, lda, ldb, strideA, strideB, strideC, k } = size;
  const values = (seed: number, count: number) => Float32Array.from(normalArray(seed, [Math.max(1, count)]).data);
  return {
    a: values(1, strideA * (batch - 1) + Math.max(m, k) * lda),
    b: values(2, strideB * (batch - 1) + Math.max(n, k) * ldb),
    c: values(3, strideC * (batch - 1) + m * ldc),
    bias: values(4, n),
  };
}

/** C in float64; elements between the rows keep what `c` has. */
export function reference({ transA, transB, epilogue, size }: Case, { a, b, c, bias }: Operands): Float64Array {
  const out = Float64Array.from(c);
  for (let z = 0; z < size.batch; z++) {
    for (let i = 0; i < size.m; i++) {
      for (let j = 0; j < size.n; j++) {
        let sum = 0;
        for (let k = 0; k < size.k; k++) {
          const x = a[z * size.strideA + (transA ? k * size.lda + i : i * size.lda + k)]!;
          const y = b[z * size.strideB + (transB ? j * size.ldb + k : k * size.ldb + j)]!;
          sum += x * y;
        }
        const at = z * size.strideC + i * size.ldc + j;
        const added = epilogue === 'none' ? 0 : epilogue === 'bias' ? bias[j]! : c[at]!;
        out[at] = (size.alpha ?? 1) * sum + added;
      }
    }
  }
  return out;
}
