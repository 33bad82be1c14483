import { launchMatmul, Tensor } from '@dawngrad/tensor';

const STEPS = 5;
const [A, B, C] = [3.4445, -4.775, 2.0315];

/** What the matrices that `newtonSchulz` leaves must be multiplied by. */
export const NEWTON_SCHULZ_SCALE: number = A ** STEPS;

/**
 * Brings the singular values of matrices near 1: five times X = a X + (b S + c S^2) X with S = X X^T.
 *
 * `x` [matrices, rows, columns] of Frobenius norm at most 1 is overwritten; the result is in `out`, short of the
 * factor `NEWTON_SCHULZ_SCALE`. Three matmuls a step and nothing else: with X = a^k Z the sums become residuals
 * of weight 1, b S + c S^2 = T + (c / b^2) T^2 for T = b S, and Z' = Z + (1 / a) (b S + c S^2) Z. The smaller
 * side is squared: X^T X for tall matrices.
 *
 * Source: Jordan et al., "Muon", 2024, its quintic iteration.
 */
export function newtonSchulz(x: Tensor, out: Tensor): void {
  const [matrices, rows, columns] = x.shape as [number, number, number];
  const isTall = rows > columns;
  const side = Math.min(rows, columns);
  const square = (name: string): Tensor =>
    Tensor.empty(x.device, [matrices, side, side], 'f32', `autograd/newton-schulz/${name}`);
  const [s, t] = [square('s'), square('t')];
  let [z, next] = [x, out];
  for (let k = 0; k < STEPS; k++) {
    launchMatmul(s, z, z, { transA: isTall, transB: !isTall, alpha: B * A ** (2 * k) });
    launchMatmul(t, s, s, { transA: false, transB: false, alpha: C / B ** 2, epilogue: 'residual', extra: s });
    const [left, right] = isTall ? [z, t] : [t, z];
    launchMatmul(next, left, right, { transA: false, transB: false, alpha: 1 / A, epilogue: 'residual', extra: z });
    [z, next] = [next, z];
  }
  s.dispose();
  t.dispose();
}
