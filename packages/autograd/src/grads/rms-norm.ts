import {
  affine,
  launchPlan,
  mean,
  multiply,
  planAddParts,
  planRmsNormGradient,
  reciprocal,
  rmsNormParts,
  sqrt,
  square,
  subtract,
  sum,
  Tensor,
} from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/**
 * dx = r (w dy) - x r^3 / D sum(w dy x); dw = sum over rows of dy x r. Two launches: dx with a gradient that x
 * has from elsewhere and the shares of dw of stretches of rows, and the sum of those.
 */
export const rmsNormGradient: Gradient<{ readonly eps: number }> = {
  fused: true,
  apply: ({ dy, inputs, outputs, needs, into, earlier }) => {
    const [x, w] = inputs as [Tensor, Tensor];
    const r = outputs[1]!;
    const d = dy[0];
    if (d === undefined) return [undefined, undefined];
    const { device } = x;
    const [rows, width] = [r.size, w.size];
    const empty = (shape: readonly number[], name: string): Tensor =>
      Tensor.empty(device, shape, 'f32', `autograd/rms-norm/${name}`);
    const dx = needs[0] ? empty(x.shape, 'dx') : undefined;
    const extra = dx && rows > 0 ? earlier(0) : undefined;
    const parts = rmsNormParts(rows, width, device.adapterClass);
    const sums = needs[1] ? empty([parts, width], 'sums') : undefined;
    if (rows > 0) {
      const spec = { rows, width, input: dx !== undefined, extra: extra !== undefined, weight: sums !== undefined };
      launchPlan(
        planRmsNormGradient(spec, device.adapterClass),
        [x, r, d, ...(dx ? [w, ...(extra ? [extra] : [])] : [])],
        [...(dx ? [dx] : []), ...(sums ? [sums] : [])],
      );
    }
    const byInput = dx && extra ? { total: dx } : dx;
    if (sums === undefined) return [byInput, undefined];
    const destination = into(1);
    const dw = destination ?? empty(w.shape, 'dw');
    launchPlan(planAddParts(parts, width, destination !== undefined), [sums], [dw]);
    return [byInput, destination === undefined ? dw : 'added'];
  },
  // With h = x r and g = w dy: dx = r (g - h mean(g h)).
  composed: ({ dy, inputs, attrs, needs }) => {
    const [x, w] = inputs as [Tensor, Tensor];
    const d = dy[0];
    if (d === undefined) return [undefined, undefined];
    const last = { axes: [-1], keepDims: true };
    const r = reciprocal(sqrt(affine(mean(square(x), last), 1, attrs.eps)));
    const h = multiply(x, r);
    const g = multiply(d, w);
    return [
      needs[0] ? multiply(r, subtract(g, multiply(h, mean(multiply(g, h), last)))) : undefined,
      needs[1] ? sum(multiply(d, h), { axes: x.shape.slice(1).map((_, axis) => axis) }) : undefined,
    ];
  },
};
