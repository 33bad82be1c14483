import type { Tensor } from './tensor.ts';

// Only the types: this package applies ops and never differentiates. They stand here so that a definition of
// an op can carry its gradient, which `@dawngrad/autograd` finds on it.

/** What a gradient function is given. */
export interface GradientContext<Attrs> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attrs: Attrs;
  /** Gradients of the loss by each output; undefined where an output did not matter. */
  readonly dy: readonly (Tensor | undefined)[];
  /** Which inputs need a gradient. */
  readonly needs: readonly boolean[];
  /**
   * Where the gradient of input i is collected, if it is a parameter: a kernel may add to it there and
   * return 'added', which saves a buffer and a launch.
   */
  readonly into: (input: number) => Tensor | undefined;
  /**
   * A gradient that input i already has from a later use, if a kernel may take it in: it then returns
   * `{ total }`, the sum of both, which saves a launch and a pass over memory.
   */
  readonly earlier: (input: number) => Tensor | undefined;
}

/** A gradient that includes what `earlier` gave. */
export interface TotalGradient {
  readonly total: Tensor;
}

/** Gradients of the loss by each input; undefined for inputs that need none. */
export type InputGradients = readonly (Tensor | TotalGradient | 'added' | undefined)[];

/** The vector-Jacobian product of an op. */
export interface Gradient<Attrs> {
  /** Records the gradients by the inputs, given those by the outputs. */
  apply(context: GradientContext<Attrs>): InputGradients;
  /**
   * True if it records kernels that are no ops: then the gradient has no gradient of its own. A text says
   * what to write instead of the op where second derivatives are wanted.
   */
  readonly fused?: boolean | string;
  /** The same gradient written with ops. A fused gradient that has it can be differentiated again. */
  composed?(context: GradientContext<Attrs>): InputGradients;
}
