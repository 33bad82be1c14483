import { exp, multiply, subtract, sum } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** dx = y (dy - sum(dy y)). */
export const softmaxGradient: Gradient<undefined> = {
  apply: ({ dy, outputs }) => {
    const y = outputs[0]!;
    return [multiply(y, subtract(dy[0]!, sum(multiply(dy[0]!, y), { axes: [-1], keepDims: true })))];
  },
};

/** dx = dy - e^y sum(dy). */
export const logSoftmaxGradient: Gradient<undefined> = {
  apply: ({ dy, outputs }) => [
    subtract(dy[0]!, multiply(exp(outputs[0]!), sum(dy[0]!, { axes: [-1], keepDims: true }))),
  ],
};
