import { affine, greaterEqual, launchElementwise, multiply, Tensor } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** y = scale x + shift: dx = scale dy. */
export const affineGradient: Gradient<{ readonly scale: number; readonly shift: number }> = {
  apply: ({ dy, attrs }) => [affine(dy[0]!, attrs.scale, 0)],
};

/** dx = dy where low <= x <= high, else 0. */
export const clampGradient: Gradient<{ readonly low: number; readonly high: number }> = {
  apply: ({ dy, inputs, attrs }) => {
    const x = inputs[0]!;
    const bound = (value: number): Tensor => Tensor.from(x.device, [value], [], 'f32', 'autograd/bound');
    return [multiply(dy[0]!, multiply(greaterEqual(x, bound(attrs.low)), greaterEqual(bound(attrs.high), x)))];
  },
};

/**
 * y = g s u with s = sigmoid(g): dg = dy u s (1 + g (1 - s)), du = dy g s. One launch each.
 */
export const swigluGradient: Gradient<undefined> = {
  fused: true,
  apply: ({ dy, inputs, needs }) => {
    const [gate, up] = inputs as [Tensor, Tensor];
    const sigmoid = '(T(1.0) / (T(1.0) + exp(-x0)))';
    const byGate = { name: 'swiglu/dgate', expr: `x2 * x1 * ${sigmoid} * (T(1.0) + x0 * (T(1.0) - ${sigmoid}))` };
    const byUp = { name: 'swiglu/dup', expr: `x1 * x0 * ${sigmoid}` };
    return [
      needs[0] ? launchElementwise(byGate, [gate, up, dy[0]!], gate) : undefined,
      needs[1] ? launchElementwise(byUp, [gate, dy[0]!], up) : undefined,
    ];
  },
};
