import { launchMatmul, matmul, type QuantizedMatmulAttrs, quantizedMatmul, sum, Tensor } from '@dawngrad/tensor';
import type { Gradient, TotalGradient } from '../gradient.ts';
import { sumTo } from './sum-to.ts';

/**
 * y = A B with A = op(a), B = op(b): dA = dy B^T, dB = A^T dy, each written so that a transposed operand
 * gets its gradient transposed, by index and without a copy.
 */
export const matmulGradient: Gradient<{ readonly transA: boolean; readonly transB: boolean }> = {
  apply: ({ dy, inputs, attrs: { transA, transB }, needs }) => {
    const [a, b] = inputs as [Tensor, Tensor];
    const d = dy[0]!;
    const da = (): Tensor =>
      transA ? matmul(b, d, { transA: transB, transB: true }) : matmul(d, b, { transB: !transB });
    const db = (): Tensor =>
      transB ? matmul(d, a, { transA: true, transB: transA }) : matmul(a, d, { transA: !transA });
    return [needs[0] ? sumTo(da(), a.shape) : undefined, needs[1] ? sumTo(db(), b.shape) : undefined];
  },
};

/**
 * y = x W^T + extra: dx = dy W, dW = dy^T x, dbias = sum of dy over rows, dresidual = dy. The weight's
 * gradient is added straight into its arena by the matmul's own epilogue.
 */
export const linearGradient: Gradient<{ readonly extra: 'none' | 'bias' | 'residual' }> = {
  apply: ({ dy, inputs, attrs, needs, into, earlier }) => {
    const [x, w] = inputs as [Tensor, Tensor];
    const d = dy[0]!;
    const destination = into(1);
    let dw: Tensor | 'added' | undefined;
    if (destination !== undefined) {
      launchMatmul(destination, d, x, { transA: true, transB: false, epilogue: 'accumulate' });
      dw = 'added';
    } else if (needs[1]) {
      dw = matmul(d, x, { transA: true });
    }
    const dx = needs[0] ? inputGradient(d, w, earlier(0)) : undefined;
    if (attrs.extra === 'none') return [dx, dw];
    const dExtra = needs[2] ? (attrs.extra === 'bias' ? sum(d, { axes: [0] }) : d) : undefined;
    return [dx, dw, dExtra];
  },
};

/** y = x op(W) + extra with W frozen: dx = dy op(W)^T, the same weights read the other way. */
export const quantizedMatmulGradient: Gradient<QuantizedMatmulAttrs> = {
  apply: ({ dy, inputs, attrs, needs }) => {
    const [, codes, scales] = inputs as [Tensor, Tensor, Tensor];
    const { format, rows, columns, transB, extra } = attrs;
    const d = dy[0]!;
    const dx = needs[0] ? quantizedMatmul(d, { format, rows, columns, codes, scales }, { transB: !transB }) : undefined;
    if (extra === 'none' || !needs[3]) return [dx];
    const leading = d.shape.slice(0, -1).map((_, axis) => axis);
    return [dx, undefined, undefined, extra === 'bias' ? sum(d, { axes: leading }) : d];
  },
};

/** dy W, plus a gradient that x already has: the matmul's residual epilogue adds it on the way. */
function inputGradient(d: Tensor, w: Tensor, earlier: Tensor | undefined): Tensor | TotalGradient {
  if (earlier === undefined) return matmul(d, w);
  const total = Tensor.empty(d.device, [d.shape[0]!, w.shape[1]!], 'f32', 'autograd/linear/dx');
  launchMatmul(total, d, w, { transA: false, transB: false, epilogue: 'residual', extra: earlier });
  return { total };
}
