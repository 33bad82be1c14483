import {
  applyOp,
  defineOp,
  type GradientContext,
  type InputGradients,
  isObserved,
  type OpObserver,
  scope,
  Tensor,
  withObserver,
  withoutObservers,
} from '@dawngrad/tensor';
import { Tape } from './tape.ts';

type Body = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

/**
 * `fn(...inputs)`, of which only the results are kept: the intermediates are freed at once and computed again
 * when the gradient needs them. Costs one more forward pass of `fn` and saves the memory in between. The
 * gradients are the same to the last bit, by the inputs and by what `fn` closes over, such as parameters.
 *
 * `fn` runs twice, so it must be a function: the same inputs give the same results. Random ops are, since they
 * are addressed by a seed and a step; leave counters and other effects outside. Checkpoints nest, and can be
 * differentiated twice.
 */
export function checkpoint<Inputs extends readonly Tensor[], T extends Tensor | readonly Tensor[]>(
  fn: (...inputs: Inputs) => T,
  inputs: Inputs,
): T {
  if (!isObserved()) return scope(() => fn(...inputs));
  const body = fn as unknown as Body;
  const seen = new ExternalInputs();
  let isSingle = false;
  const outputs = scope(() =>
    withoutObservers(() =>
      withObserver(seen, () => {
        const made = body(...inputs);
        isSingle = made instanceof Tensor;
        // A result that is an input, or one result twice, would be one node of the tape with itself.
        const taken = new Set(inputs.map(({ id }) => id));
        return listed(made).map((result) => {
          const isOwn = seen.made.has(result.id) && !taken.has(result.id);
          taken.add(result.id);
          return isOwn ? result : result.view(result.shape, result.strides, result.offset);
        });
      }),
    ),
  );
  // What the body made for itself is gone by now; what it closed over is not.
  const captured = [...seen.used.values()].filter((tensor) => !tensor.isDisposed && !seen.made.has(tensor.id));
  const all = [...new Map([...inputs, ...captured].map((tensor) => [tensor.id, tensor])).values()];
  const specs = outputs.map(({ shape, dtype }) => ({ shape, dtype }));
  const op = defineOp<undefined>({
    name: 'checkpoint',
    doc: 'a function whose intermediates are computed again for its gradient',
    infer: () => specs,
    compose: () => outputs,
    gradient: { apply: (context) => recompute(() => listed(body(...inputs)), context) },
    dtypes: ['f32', 'f16', 'bf16', 'i32', 'u32', 'bool'],
  });
  const results = applyOp(op, all, undefined);
  return (isSingle ? results[0] : results) as T;
}

/** Runs the function again on a tape of its own and goes back over it. */
function recompute(body: () => Tensor[], context: GradientContext<undefined>): InputGradients {
  const { inputs, dy, needs, into, earlier } = context;
  const tape = new Tape();
  inputs.forEach((input, i) => {
    if (needs[i]) tape.watch(input);
  });
  const outputs = tape.record(body);
  const destinations = new Map<number, Tensor>();
  const starts: { tensor: Tensor; seed: Tensor }[] = [];
  const hasEarlier = inputs.map((input, i) => {
    if (!needs[i]) return false;
    const destination = into(i);
    if (destination !== undefined) destinations.set(input.id, destination);
    // Later uses come first in every sum, as without the checkpoint: the same rounding.
    const seed = earlier(i);
    if (seed !== undefined) starts.push({ tensor: input, seed });
    return seed !== undefined;
  });
  outputs.forEach((tensor, i) => {
    const seed = dy[i];
    if (seed !== undefined) starts.push({ tensor, seed });
  });
  const found = tape.backward(starts, destinations, true, new Set());
  return inputs.map((input, i) => {
    if (!needs[i]) return undefined;
    if (destinations.has(input.id)) return 'added';
    const gradient = found.get(input.id);
    return gradient !== undefined && hasEarlier[i] ? { total: gradient } : gradient;
  });
}

function listed(result: Tensor | readonly Tensor[]): Tensor[] {
  return result instanceof Tensor ? [result] : [...result];
}

/** Collects what ops take, and what they make. */
class ExternalInputs implements OpObserver {
  readonly used = new Map<number, Tensor>();
  readonly made = new Set<number>();

  onApply(_def: unknown, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    for (const input of inputs) if (!this.made.has(input.id)) this.used.set(input.id, input);
    for (const output of outputs) this.made.add(output.id);
  }
}
