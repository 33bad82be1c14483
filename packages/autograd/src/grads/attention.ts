import {
  type AttentionAttrs,
  launchAttentionGradient,
  launchPackedAttentionGradient,
  type PackedAttentionAttrs,
  type Tensor,
} from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** What to write instead where second derivatives are wanted. */
const INSTEAD = 'write it as softmax(matmul(q, k, { transB: true }) * scale + mask) and matmul with v.';

/** Flash backward: scores are recomputed from the log-sum-exp; see the kernels for the formulas. */
export const attentionGradient: Gradient<AttentionAttrs> = {
  fused: INSTEAD,
  apply: ({ dy, inputs, outputs, attrs }) => {
    const [q, k, v, start, end] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
    const [o, stats] = outputs as [Tensor, Tensor];
    const { dQ, dK, dV } = launchAttentionGradient({ q, k, v, segments: { start, end }, o, stats, dO: dy[0]! }, attrs);
    return [dQ, dK, dV, undefined, undefined];
  },
};

/** The same into one tensor; the rotation is undone in the same launches. */
export const packedAttentionGradient: Gradient<PackedAttentionAttrs> = {
  fused: INSTEAD,
  apply: ({ dy, inputs, outputs, attrs }) => {
    const [qkv, start, end, positions, table] = inputs as [Tensor, Tensor, Tensor, Tensor?, Tensor?];
    const [o, stats, turned] = outputs as [Tensor, Tensor, Tensor?];
    const dQkv = launchPackedAttentionGradient(
      {
        qkv: turned ?? qkv,
        segments: { start, end },
        o,
        stats,
        dO: dy[0]!,
        ...(positions && table && { rotary: { positions, table } }),
      },
      attrs,
    );
    return [dQkv, undefined, undefined, undefined, undefined];
  },
};
