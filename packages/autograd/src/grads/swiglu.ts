import {
  affine,
  concat,
  launchPlan,
  multiply,
  planPackedSwigluGradient,
  planSwigluGradient,
  sigmoid,
  slice,
  Tensor,
} from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** y = g s u with s = sigmoid(g): dg = dy u s (1 + g (1 - s)), du = dy g s, both in one launch. */
export const swigluGradient: Gradient<undefined> = {
  fused: true,
  apply: ({ dy, inputs }) => {
    const [gate, up] = inputs as [Tensor, Tensor];
    const [dGate, dUp] = ['dgate', 'dup'].map((name) =>
      Tensor.empty(gate.device, gate.shape, 'f32', `autograd/swiglu/${name}`),
    ) as [Tensor, Tensor];
    if (gate.size > 0) launchPlan(planSwigluGradient(gate.size), [gate, up, dy[0]!], [dGate, dUp]);
    return [dGate, dUp];
  },
  composed: ({ dy, inputs }) => composed(inputs[0]!, inputs[1]!, dy[0]!),
};

function composed(gate: Tensor, up: Tensor, dy: Tensor): [Tensor, Tensor] {
  const s = sigmoid(gate);
  const d = multiply(dy, s);
  return [multiply(multiply(d, up), affine(multiply(gate, affine(s, -1, 1)), 1, 1)), multiply(d, gate)];
}

/** The same into one tensor that is laid out like the input. */
export const packedSwigluGradient: Gradient<undefined> = {
  fused: true,
  apply: ({ dy, inputs }) => {
    const x = inputs[0]!;
    const [rows, both] = x.shape as [number, number];
    const dx = Tensor.empty(x.device, x.shape, 'f32', 'autograd/swiglu/dx');
    if (dx.size > 0) launchPlan(planPackedSwigluGradient(rows, both / 2), [x, dy[0]!], [dx]);
    return [dx];
  },
  composed: ({ dy, inputs }) => {
    const x = inputs[0]!;
    const width = x.shape[1]! / 2;
    return [concat(composed(slice(x, 1, 0, width), slice(x, 1, width, 2 * width), dy[0]!), 1)];
  },
};
