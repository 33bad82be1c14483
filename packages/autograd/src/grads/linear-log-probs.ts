import { type LinearLogProbsAttrs, launchLinearLogProbsGradient, Tensor, zeros } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** Recomputes the logits in blocks; the gradient of each block of the weight goes straight into its arena. */
export const linearLogProbsGradient: Gradient<LinearLogProbsAttrs> = {
  fused: 'write it as gather(logSoftmax(linear(hidden, weight) / temperature), 1, targets).',
  apply: ({ dy, inputs, outputs, attrs, needs, into }) => {
    const [hidden, ...rest] = inputs as [Tensor, ...Tensor[]];
    const weights = rest.slice(0, -1);
    const targets = rest[rest.length - 1]!;
    const [logp, entropy, lse] = outputs as [Tensor, Tensor, Tensor];
    const device = hidden.device;
    const dHidden = needs[0]
      ? Tensor.empty(device, hidden.shape, 'f32', 'autograd/linear-log-probs/dhidden')
      : undefined;
    const label = 'autograd/linear-log-probs/dweight';
    const destinations = weights.map((_, i) => into(1 + i));
    const dWeights = weights.map(
      (weight, i) => destinations[i] ?? (needs[1 + i] ? zeros(device, weight.shape, label) : undefined),
    );
    if (logp.size > 0) {
      const dLogp = dy[0] ?? zeros(device, logp.shape);
      const dEntropy = dy[1] ?? zeros(device, logp.shape);
      launchLinearLogProbsGradient(
        { hidden, weights, targets, entropy, lse, dLogp, dEntropy, dHidden, dWeights },
        attrs,
      );
    }
    return [dHidden, ...dWeights.map((dWeight, i) => (destinations[i] === undefined ? dWeight : 'added')), undefined];
  },
};
