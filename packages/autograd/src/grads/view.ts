import { permute, reshape, type Shape } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';
import { sumTo } from './sum-to.ts';

export const reshapeGradient: Gradient<{ readonly shape: Shape }> = {
  apply: ({ dy, inputs }) => [reshape(dy[0]!, inputs[0]!.shape)],
};

/** The inverse permutation. */
export const permuteGradient: Gradient<{ readonly axes: readonly number[] }> = {
  apply: ({ dy, attrs }) => [
    permute(
      dy[0]!,
      attrs.axes.map((_, axis) => attrs.axes.indexOf(axis)),
    ),
  ],
};

export const expandGradient: Gradient<{ readonly shape: Shape }> = {
  apply: ({ dy, inputs }) => [sumTo(dy[0]!, inputs[0]!.shape)],
};
