import { rope } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** A rotation's transpose is the rotation back. */
export const ropeGradient: Gradient<{ readonly inverse: boolean }> = {
  apply: ({ dy, inputs, attrs }) => [rope(dy[0]!, inputs[1]!, inputs[2]!, !attrs.inverse), undefined, undefined],
};
