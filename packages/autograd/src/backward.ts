import { scope, type Tensor, tensorsIn } from '@dawngrad/tensor';
import { unitSeed } from './grad.ts';
import type { Parameters } from './parameters.ts';
import { Tape } from './tape.ts';

/**
 * Runs `body`, differentiates its loss and adds the gradients into the arenas of `parameters`.
 * Everything that `body` computed is freed, except what it returns. The loss is [] or [1]; divide it by
 * the counts of the whole batch inside `body`, so that micro-batches add up.
 */
export function accumulateGradients<T extends { readonly loss: Tensor }>(
  parameters: readonly Parameters[],
  body: () => T,
): T {
  return scope(() => {
    const tape = new Tape();
    const destinations = new Map<number, Tensor>();
    for (const set of parameters) {
      for (const [id, gradient] of set.destinations()) destinations.set(id, gradient);
      for (const tensor of set.watched()) tape.watch(tensor);
    }
    const result = tape.record(body);
    tape.backward(
      [{ tensor: result.loss, seed: unitSeed(result.loss) }],
      destinations,
      true,
      new Set(tensorsIn(result)),
    );
    return result;
  });
}
