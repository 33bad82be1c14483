import type { MatmulSize, MatmulVariant } from '../kernels/matmul-spec.ts';

/** The nearest power of the square root of 2: sizes within about 19 % of each other are one class. */
function bucket(value: number): number {
  return value <= 4 ? value : Math.round(2 ** (Math.round(Math.log2(value) * 2) / 2));
}

/**
 * What a measurement is taken to hold for: matmuls whose sizes fall into the same buckets, with the same layout
 * and types and equally wide loads, whatever becomes of the sums: epilogues are a small part of the time, and
 * the weight gradients that are added to others are to find what was measured for plain products. Reads like
 * `nt f32 m2048 n724 k256 b1 v4`.
 */
export function matmulClass(size: MatmulSize, variant: MatmulVariant): string {
  const { transA, transB, input = 'f32', weight = 'f32', arithmetic = 'f32' } = variant;
  const { m, n, k, batch, lda, ldb, ldc } = size;
  const isWide = [n, k, m, lda, ldb, ldc].every((extent) => extent % 4 === 0);
  return [
    `${transA ? 't' : 'n'}${transB ? 't' : 'n'}`,
    input === weight ? input : `${input}x${weight}`,
    ...(arithmetic === 'f32' ? [] : ['in-f16']),
    `m${bucket(m)}`,
    `n${bucket(n)}`,
    `k${bucket(k)}`,
    `b${bucket(batch)}`,
    `v${isWide ? 4 : 1}`,
  ].join(' ');
}
