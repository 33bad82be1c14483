import { Tensor, ToolError, zeros } from '@dawngrad/tensor';
import { Tape } from './tape.ts';

/** A tensor of ones to start a backward pass of a scalar loss with. */
export function unitSeed(loss: Tensor): Tensor {
  if (loss.size !== 1) {
    throw new ToolError('shape', {
      op: 'backward',
      expected: 'a loss of one element',
      got: `shape [${loss.shape.join(',')}]`,
    });
  }
  return Tensor.from(loss.device, [1], loss.shape, 'f32', 'autograd/seed');
}

/**
 * Gradients of a scalar function by some of its inputs. They are compositions of ops where the
 * gradients are, so `grad` nests: the gradient of a gradient works.
 */
export function grad(body: () => Tensor, inputs: readonly Tensor[]): { loss: Tensor; gradients: Tensor[] };
/** A function from the inputs of `f` to the gradients of its scalar value by all of them. */
export function grad<Inputs extends readonly Tensor[]>(
  f: (...inputs: Inputs) => Tensor,
): (...inputs: Inputs) => Tensor[];
export function grad(
  f: (...inputs: Tensor[]) => Tensor,
  inputs?: readonly Tensor[],
): { loss: Tensor; gradients: Tensor[] } | ((...inputs: Tensor[]) => Tensor[]) {
  if (inputs === undefined) return (...all) => differentiate(() => f(...all), all).gradients;
  return differentiate(f, inputs);
}

/** A function from the inputs of `f` to its scalar value and the gradients by all of them. */
export function valueAndGrad<Inputs extends readonly Tensor[]>(
  f: (...inputs: Inputs) => Tensor,
): (...inputs: Inputs) => { value: Tensor; gradients: Tensor[] } {
  return (...inputs) => {
    const { loss, gradients } = differentiate(() => f(...inputs), inputs);
    return { value: loss, gradients };
  };
}

function differentiate(body: () => Tensor, inputs: readonly Tensor[]): { loss: Tensor; gradients: Tensor[] } {
  const tape = new Tape();
  for (const input of inputs) tape.watch(input);
  const loss = tape.record(body);
  const found = tape.backward([{ tensor: loss, seed: unitSeed(loss) }], new Map(), false, new Set());
  const gradients = inputs.map(
    (input) => found.get(input.id) ?? zeros(input.device, input.shape, 'autograd/no-gradient'),
  );
  return { loss, gradients };
}
