import { exp, multiply, subtract, sum } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

interface SoftmaxAttrs {
  readonly axis: number;
}

/** dx = y (dy - sum(dy y)). */
export const softmaxGradient: Gradient<SoftmaxAttrs> = {
  apply: ({ dy, outputs, attrs: { axis } }) => {
    const y = outputs[0]!;
    return [multiply(y, subtract(dy[0]!, sum(multiply(dy[0]!, y), { axes: [axis], keepDims: true })))];
  },
};

/** dx = dy - e^y sum(dy). */
export const logSoftmaxGradient: Gradient<SoftmaxAttrs> = {
  apply: ({ dy, outputs, attrs: { axis } }) => [
    subtract(dy[0]!, multiply(exp(outputs[0]!), sum(dy[0]!, { axes: [axis], keepDims: true }))),
  ],
};
