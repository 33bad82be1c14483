import { slice } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** Every part gets its part of dy. */
export const concatGradient: Gradient<{ readonly axis: number }> = {
  apply: ({ dy, inputs, attrs, needs }) => {
    let end = 0;
    return inputs.map((part, i) => {
      end += part.shape[attrs.axis]!;
      return needs[i] ? slice(dy[0]!, attrs.axis, end - part.shape[attrs.axis]!, end) : undefined;
    });
  },
};
