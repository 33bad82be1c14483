import { type AttentionAttrs, launchAttentionGradient, type Tensor } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** Flash backward: scores are recomputed from the log-sum-exp; see the kernels for the formulas. */
export const attentionGradient: Gradient<AttentionAttrs> = {
  fused: true,
  apply: ({ dy, inputs, outputs, attrs }) => {
    const [q, k, v, start, end] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
    const [o, lse] = outputs as [Tensor, Tensor];
    const { dQ, dK, dV } = launchAttentionGradient({ q, k, v, segments: { start, end }, o, lse, dO: dy[0]! }, attrs);
    return [dQ, dK, dV, undefined, undefined];
  },
};
