import {
  type AttentionAttrs,
  launchAttentionGradient,
  launchHeadNormGradient,
  launchPackedAttentionGradient,
  launchPlan,
  type PackedAttentionOpAttrs,
  packedInputs,
  planAddParts,
  Tensor,
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

/**
 * The same into one tensor; the rotation is undone in the same launches. Norms of heads take one more, and one a
 * weight that trains.
 */
export const packedAttentionGradient: Gradient<PackedAttentionOpAttrs> = {
  fused: INSTEAD,
  apply: ({ dy, inputs, outputs, attrs, needs, into }) => {
    const { qkv, segments, rotary, norms } = packedInputs(inputs, attrs);
    const [o, stats, prepared] = outputs as [Tensor, Tensor, Tensor?];
    const constants = inputs.slice(1, norms === undefined ? undefined : -2).map(() => undefined);
    const dQkv = launchPackedAttentionGradient(
      {
        ...{ qkv: prepared ?? qkv, segments, o, stats, dO: dy[0]! },
        ...(rotary && { rotary }),
      },
      attrs,
    );
    if (norms === undefined) return [dQkv, ...constants];
    const { querySums, keySums } = launchHeadNormGradient(qkv, { ...norms, eps: attrs.normEps! }, dQkv, attrs);
    const byWeight = [querySums, keySums].map((sums, i) => {
      const input = inputs.length - 2 + i;
      if (needs[input] !== true) return undefined;
      const [parts, width] = sums.shape as [number, number];
      const destination = into(input);
      const total = destination ?? Tensor.empty(qkv.device, [width], 'f32', 'autograd/attention/head-norm');
      launchPlan(planAddParts(parts, width, destination !== undefined), [sums], [total]);
      return destination === undefined ? total : 'added';
    });
    return [dQkv, ...constants, ...byWeight];
  },
};
