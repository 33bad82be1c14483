import {
  accumulateInto,
  launchPlan,
  planRmsNormInputGradient,
  planRmsNormWeightGradient,
  sum,
  Tensor,
} from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** dx = r (w dy) - x r^3 / D sum(w dy x); dw = sum over rows of dy x r, in parts and then over the parts. */
export const rmsNormGradient: Gradient<{ readonly eps: number }> = {
  fused: true,
  apply: ({ dy, inputs, outputs, needs, into }) => {
    const [x, w] = inputs as [Tensor, Tensor];
    const [, r] = outputs as [Tensor, Tensor];
    const d = dy[0];
    if (d === undefined) return [undefined, undefined];
    const rows = r.size;
    const device = x.device;
    let dx: Tensor | undefined;
    if (needs[0]) {
      dx = Tensor.empty(device, x.shape, 'f32', 'autograd/rms-norm/dx');
      if (rows > 0) launchPlan(planRmsNormInputGradient(rows, w.size, device.adapterClass), [x, w, r, d], [dx]);
    }
    let dw: Tensor | 'added' | undefined;
    if (needs[1]) {
      const parts = Math.max(1, Math.min(64, Math.ceil(rows / 128)));
      const partial = Tensor.empty(device, [parts, w.size], 'f32', 'autograd/rms-norm/dw');
      launchPlan(planRmsNormWeightGradient(rows, w.size, parts), [x, r, d], [partial]);
      dw = sum(partial, { axes: [0] });
      const destination = into(1);
      if (destination !== undefined) {
        accumulateInto(destination, dw);
        dw = 'added';
      }
    }
    return [dx, dw];
  },
};
