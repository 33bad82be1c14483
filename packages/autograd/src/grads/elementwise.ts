import { affine, greaterEqual, multiply, Tensor } from '@dawngrad/tensor';
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
