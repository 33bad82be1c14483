import {
  launchPlan,
  planAddParts,
  planRmsNormInputGradient,
  planRmsNormWeightGradient,
  Tensor,
} from '@dawngrad/tensor';
import type { Gradient, TotalGradient } from '../gradient.ts';

/** Rows of the weight gradient that one thread sums before the parts are added up. */
const ROWS_PER_PART = 128;

/** dx = r (w dy) - x r^3 / D sum(w dy x); dw = sum over rows of dy x r, in parts and then over the parts. */
export const rmsNormGradient: Gradient<{ readonly eps: number }> = {
  fused: true,
  apply: ({ dy, inputs, outputs, needs, into, earlier }) => {
    const [x, w] = inputs as [Tensor, Tensor];
    const [, r] = outputs as [Tensor, Tensor];
    const d = dy[0];
    if (d === undefined) return [undefined, undefined];
    const rows = r.size;
    const device = x.device;
    let dx: Tensor | TotalGradient | undefined;
    if (needs[0]) {
      const out = Tensor.empty(device, x.shape, 'f32', 'autograd/rms-norm/dx');
      const extra = earlier(0);
      if (rows > 0) {
        const plan = planRmsNormInputGradient(rows, w.size, extra !== undefined, device.adapterClass);
        launchPlan(plan, [x, w, r, d, ...(extra ? [extra] : [])], [out]);
      }
      dx = extra && rows > 0 ? { total: out } : out;
    }
    if (!needs[1]) return [dx, undefined];
    const parts = Math.max(1, Math.min(64, Math.ceil(rows / ROWS_PER_PART)));
    const sums = Tensor.empty(device, [parts, w.size], 'f32', 'autograd/rms-norm/dw');
    launchPlan(planRmsNormWeightGradient(rows, w.size, parts), [x, r, d], [sums]);
    const destination = into(1);
    const dw = destination ?? Tensor.empty(device, w.shape, 'f32', 'autograd/rms-norm/dw');
    launchPlan(planAddParts(parts, w.size, destination !== undefined), [sums], [dw]);
    return [dx, destination === undefined ? dw : 'added'];
  },
};
