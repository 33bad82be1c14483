import {
  type AnyOpDef,
  accumulateInto,
  add,
  isObserved,
  scope,
  Tensor,
  ToolError,
  withObserver,
} from '@dawngrad/tensor';
import type { AnyGradient } from './gradient.ts';
import { gradientTable } from './grads/table.ts';

interface TapeNode {
  readonly def: AnyOpDef;
  readonly gradient: AnyGradient;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attrs: unknown;
}

/**
 * A record of ops that depend on the watched tensors. Gradients flow back over it once; every
 * intermediate is freed as soon as nothing before it in the record can need it.
 */
export class Tape {
  readonly #nodes: TapeNode[] = [];
  readonly #tracked = new Set<number>();

  /** Marks a tensor as one to differentiate by. */
  watch(tensor: Tensor): void {
    this.#tracked.add(tensor.id);
  }

  get length(): number {
    return this.#nodes.length;
  }

  /** Runs `body` and records what it applies. */
  record<T>(body: () => T): T {
    return withObserver(this, body);
  }

  /** Called by the engine for each op. */
  onApply(def: AnyOpDef, inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: unknown): void {
    if (def.nonDifferentiable !== undefined || !inputs.some((input) => this.#tracked.has(input.id))) return;
    const gradient = gradientTable[def.name];
    if (gradient === undefined) {
      throw new ToolError('failed', {
        op: def.name,
        expected: 'an op with a gradient',
        got: 'none in the gradient table',
      });
    }
    this.#nodes.push({ def, gradient, inputs, outputs, attrs });
    for (const output of outputs) this.#tracked.add(output.id);
  }

  /**
   * Gradients of sum(seed * output) over the record.
   *
   * @param outputs where to start, with the gradient by each.
   * @param destinations buffers that collect the gradients of parameters, by tensor id.
   * @param free true if intermediates may be disposed on the way; those in `kept` are not.
   * @returns gradients of the watched tensors that have no destination, by tensor id.
   */
  backward(
    outputs: readonly { readonly tensor: Tensor; readonly seed: Tensor }[],
    destinations: ReadonlyMap<number, Tensor>,
    free: boolean,
    kept: ReadonlySet<Tensor>,
  ): Map<number, Tensor> {
    const gradients = new Map<number, Tensor>();
    const differentiable = isObserved();
    // Somebody else's tape may need everything that this one computes.
    const release = free && !differentiable;
    for (const { tensor, seed } of outputs) gradients.set(tensor.id, release ? alias(seed) : seed);
    for (let i = this.#nodes.length - 1; i >= 0; i--) {
      const node = this.#nodes[i]!;
      const dy = node.outputs.map((output) => gradients.get(output.id));
      for (const output of node.outputs) gradients.delete(output.id);
      if (dy.some((d) => d !== undefined)) {
        if (differentiable && node.gradient.fused) {
          throw new ToolError('failed', {
            op: node.def.name,
            expected: 'a gradient that can be differentiated again',
            got: 'a fused one',
            hint: 'write the second-order part with elementary ops.',
          });
        }
        this.#step(node, dy, gradients, destinations, release);
      }
      if (release) for (const output of node.outputs) if (!kept.has(output)) output.dispose();
    }
    return gradients;
  }

  #step(
    node: TapeNode,
    dy: readonly (Tensor | undefined)[],
    gradients: Map<number, Tensor>,
    destinations: ReadonlyMap<number, Tensor>,
    free: boolean,
  ): void {
    const needs = node.inputs.map((input) => this.#tracked.has(input.id));
    const compute = (): ({ tensor: Tensor; isTotal: boolean } | undefined)[] => {
      const results = node.gradient.apply({
        inputs: node.inputs,
        outputs: node.outputs,
        attrs: node.attrs,
        dy,
        needs,
        into: (input) => (needs[input] ? destinations.get(node.inputs[input]!.id) : undefined),
        // Two inputs that are one tensor would each take the earlier gradient in.
        earlier: (input) => {
          const id = node.inputs[input]!.id;
          const isOnly = node.inputs.filter((other) => other.id === id).length === 1;
          return free && isOnly && !destinations.has(id) ? gradients.get(id) : undefined;
        },
      });
      return results.map((result, input) => {
        if (result === undefined || result === 'added' || !needs[input]) return undefined;
        const isTotal = 'total' in result;
        const tensor = isTotal ? result.total : result;
        // Where handles are freed, each result has its own: a gradient function may return dy itself, or one
        // tensor twice. Where they are not, the handle must stay the one that other tapes know.
        return { tensor: free ? alias(tensor) : tensor, isTotal };
      });
    };
    const results = free ? scope(compute) : compute();
    results.forEach((result, input) => {
      if (result === undefined) return;
      const id = node.inputs[input]!.id;
      const destination = destinations.get(id);
      if (destination !== undefined) {
        accumulateInto(destination, result.tensor);
        if (free) result.tensor.dispose();
        return;
      }
      const existing = gradients.get(id);
      if (existing === undefined) gradients.set(id, result.tensor);
      else if (result.isTotal) {
        // Only where handles are freed is a gradient offered to be taken in.
        gradients.set(id, result.tensor);
        existing.dispose();
      } else gradients.set(id, merge(existing, result.tensor, free));
    });
    if (free) for (const d of dy) d?.dispose();
  }
}

/** Another handle on the same buffer. */
function alias(tensor: Tensor): Tensor {
  return tensor.view(tensor.shape, tensor.strides, tensor.offset);
}

/** The sum of two contributions; in place if nobody else holds the first. */
function merge(a: Tensor, b: Tensor, free: boolean): Tensor {
  if (free && a.storage.references === 1 && a.isBindable && b.isBindable) {
    accumulateInto(a, b);
    b.dispose();
    return a;
  }
  const total = add(a, b);
  if (free) {
    a.dispose();
    b.dispose();
  }
  return total;
}

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
export function grad(body: () => Tensor, inputs: readonly Tensor[]): { loss: Tensor; gradients: Tensor[] } {
  const tape = new Tape();
  for (const input of inputs) tape.watch(input);
  const loss = tape.record(body);
  const found = tape.backward([{ tensor: loss, seed: unitSeed(loss) }], new Map(), false, new Set());
  return {
    loss,
    gradients: inputs.map(
      (input) =>
        found.get(input.id) ??
        Tensor.from(input.device, new Float32Array(input.size), input.shape, 'f32', 'autograd/no-gradient'),
    ),
  };
}
