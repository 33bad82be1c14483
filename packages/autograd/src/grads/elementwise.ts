import { affine, greaterEqual, launchPlan, multiply, planSwigluGradient, Tensor } from '@dawngrad/tensor';
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

/** y = g s u with s = sigmoid(g): dg = dy u s (1 + g (1 - s)), du = dy g s, both in one launch. */
export const swigluGradient: Gradient<undefined> = {
  fused: true,
  apply: ({ dy, inputs }) => {
    const [gate, up] = inputs as [Tensor, Tensor];
    const [dGate, dUp] = ['dgate', 'dup'].map((name) =>
      Tensor.empty(gate.device, gate.shape, 'f32', `autograd/swiglu/${name}`),
    ) as [Tensor, Tensor];
    if (gate.size > 0) launchPlan(planSwigluGradient(gate.size), [gate, up, dy[0]!], [dGate, dUp]);
    return [dGate, dUp];
  },
};
