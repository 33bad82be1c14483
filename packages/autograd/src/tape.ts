import {
  type AnyOpDef,
  accumulateInto,
  add,
  callSite,
  debug,
  formatShape,
  isObserved,
  sameShape,
  scope,
  type Tensor,
  ToolError,
  withObserver,
} from '@dawngrad/tensor';
import type { AnyGradient, GradientContext, InputGradients } from './gradient.ts';
import { gradientOf } from './gradient-of.ts';

interface TapeNode {
  readonly def: AnyOpDef;
  readonly gradient: AnyGradient;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attrs: unknown;
  /** Where the op was applied, if `setDebug({ callSites: true })` asked for it. */
  readonly site: string | undefined;
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
    const gradient = gradientOf(def);
    if (gradient === undefined) {
      throw new ToolError('failed', {
        op: def.name,
        expected: 'an op with a gradient',
        got: `none, on its definition or in the table (${describeInputs(inputs)})`,
        hint: 'give its definition a `gradient`, or a reason why it has none as `nonDifferentiable`.',
      });
    }
    const site = debug.callSites ? callSite() : undefined;
    this.#nodes.push({ def, gradient, inputs, outputs, attrs, site });
    for (const output of outputs) this.#tracked.add(output.id);
  }

  /**
   * Gradients of sum(seed * output) over the record.
   *
   * @param outputs where to start, with the gradient by each. A seed of a watched tensor is what its gradient
   *   starts from.
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
    for (const { tensor, seed } of outputs) {
      const own = release ? alias(seed) : seed;
      const existing = gradients.get(tensor.id);
      gradients.set(tensor.id, existing === undefined ? own : merge(existing, own, release));
    }
    for (let i = this.#nodes.length - 1; i >= 0; i--) {
      const node = this.#nodes[i]!;
      const dy = node.outputs.map((output) => gradients.get(output.id));
      for (const output of node.outputs) gradients.delete(output.id);
      if (dy.some((d) => d !== undefined)) {
        this.#step(node, dy, gradients, destinations, { release, differentiable });
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
    { release: free, differentiable }: { readonly release: boolean; readonly differentiable: boolean },
  ): void {
    const needs = node.inputs.map((input) => this.#tracked.has(input.id));
    const compute = (): ({ tensor: Tensor; isTotal: boolean } | undefined)[] => {
      const results = applyGradient(node, differentiable, {
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
          // A kernel that takes it in is no op: another tape would not see the sum.
          return !differentiable && isOnly && !destinations.has(id) ? gradients.get(id) : undefined;
        },
      });
      return results.map((result, input) => {
        if (result === undefined || result === 'added' || !needs[input]) return undefined;
        const isTotal = 'total' in result;
        const tensor = isTotal ? result.total : result;
        checkShape(node, input, tensor);
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
        gradients.set(id, result.tensor);
        if (free) existing.dispose();
      } else gradients.set(id, merge(existing, result.tensor, free));
    });
    if (free) for (const d of dy) d?.dispose();
  }
}

/** Calls a gradient function; its errors name the op and where it was applied. */
function applyGradient(node: TapeNode, differentiable: boolean, context: GradientContext<unknown>): InputGradients {
  const { def, gradient } = node;
  if (differentiable && gradient.fused && gradient.composed === undefined) {
    throw new ToolError('failed', {
      op: def.name,
      expected: 'a gradient that can be differentiated again',
      got: `a fused one (${describeNode(node)})`,
      hint: typeof gradient.fused === 'string' ? gradient.fused : 'write the op as a composition of others.',
    });
  }
  try {
    return differentiable && gradient.composed ? gradient.composed(context) : gradient.apply(context);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const { op, ...detail } = error.detail;
    const got = `${detail.got} (${describeNode(node)})`;
    throw new ToolError(error.code, { ...detail, op: `gradient of ${def.name}: ${op}`, got, cause: error });
  }
}

/** A gradient of another shape would be added up as if it fitted. */
function checkShape(node: TapeNode, input: number, gradient: Tensor): void {
  const { shape } = node.inputs[input]!;
  if (sameShape(gradient.shape, shape)) return;
  throw new ToolError('shape', {
    op: `gradient of ${node.def.name}`,
    expected: `shape ${formatShape(shape)}, that of input ${input}`,
    got: `${formatShape(gradient.shape)} (${describeNode(node)})`,
  });
}

function describeInputs(inputs: readonly Tensor[]): string {
  return `inputs ${inputs.map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`).join(', ')}`;
}

function describeNode({ inputs, site }: TapeNode): string {
  const where = site === undefined ? 'setDebug({ callSites: true }) shows where' : `applied ${site}`;
  return `${describeInputs(inputs)}; ${where}`;
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
