import { scatterAdd, type Tensor, zeros } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** Each value's gradient goes back to where it came from. */
export const sortGradient: Gradient<{ readonly axis: number }> = {
  apply: ({ dy, inputs, outputs, attrs: { axis } }) => {
    if (dy[0] === undefined) return [undefined];
    const [x, indices] = [inputs[0]!, outputs[1]!] as [Tensor, Tensor];
    return [scatterAdd(zeros(x.device, x.shape, 'autograd/sort'), axis, indices, dy[0])];
  },
};
