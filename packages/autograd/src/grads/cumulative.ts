import { cumprod, cumsum, launchPlan, planCumulativeProductGradient, sizeOf, Tensor } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

interface CumulativeAttrs {
  readonly axis: number;
  readonly reverse: boolean;
  readonly exclusive: boolean;
}

/** The sum of the gradients of all sums that an element is part of: the scan from the other end. */
export const cumsumGradient: Gradient<CumulativeAttrs> = {
  apply: ({ dy, attrs: { axis, reverse, exclusive } }) => [cumsum(dy[0]!, { axis, reverse: !reverse, exclusive })],
};

/** Divides by nothing, so zeros are right: see the kernel. */
export const cumprodGradient: Gradient<CumulativeAttrs> = {
  fused: 'write it as exp(cumsum(log(x))), for x above 0.',
  apply: ({ dy, inputs, attrs: { axis, reverse, exclusive } }) => {
    const x = inputs[0]!;
    const before = cumprod(x, { axis, reverse, exclusive: true });
    const dx = Tensor.empty(x.device, x.shape, 'f32', 'autograd/cumprod');
    if (x.size > 0) {
      const plan = planCumulativeProductGradient({
        outer: sizeOf(x.shape.slice(0, axis)),
        width: x.shape[axis]!,
        inner: sizeOf(x.shape.slice(axis + 1)),
        reverse,
        exclusive,
      });
      launchPlan(plan, [x, dy[0]!, before], [dx]);
    }
    return [dx];
  },
};
