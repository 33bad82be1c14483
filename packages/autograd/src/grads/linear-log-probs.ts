import { launchLinearLogProbsGradient, Tensor, zeros } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** Recomputes the logits in blocks; the weight's gradient goes straight into its arena. */
export const linearLogProbsGradient: Gradient<{ readonly temperature: number; readonly blockElements?: number }> = {
  fused: 'write it as gather(logSoftmax(linear(hidden, weight) / temperature), 1, targets).',
  apply: ({ dy, inputs, outputs, attrs, needs, into }) => {
    const [hidden, weight, targets] = inputs as [Tensor, Tensor, Tensor];
    const [logp, entropy, lse] = outputs as [Tensor, Tensor, Tensor];
    const device = hidden.device;
    const dHidden = needs[0]
      ? Tensor.empty(device, hidden.shape, 'f32', 'autograd/linear-log-probs/dhidden')
      : undefined;
    const destination = into(1);
    const dWeight =
      destination ?? (needs[1] ? zeros(device, weight.shape, 'autograd/linear-log-probs/dweight') : undefined);
    if (logp.size > 0) {
      const dLogp = dy[0] ?? zeros(device, logp.shape);
      const dEntropy = dy[1] ?? zeros(device, logp.shape);
      launchLinearLogProbsGradient({ hidden, weight, targets, entropy, lse, dLogp, dEntropy, dHidden, dWeight }, attrs);
    }
    return [dHidden, destination === undefined ? dWeight : 'added', undefined];
  },
};
