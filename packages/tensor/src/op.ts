import { checkOperands } from './check-operands.ts';
import type { DType } from './dtype.ts';
import { type ErrorCode, ToolError } from './errors.ts';
import type { Gradient } from './gradient.ts';
import { formatShape, type Shape } from './shape.ts';
import type { Tensor } from './tensor.ts';
import type { Draw } from './testing/draw.ts';
import type { ToleranceClass } from './testing/tolerance.ts';

/** Shape and element type, without a buffer. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A host array in float64: what references compute with. */
export interface RefArray {
  readonly shape: Shape;
  readonly data: Float64Array;
  /** How the values are stored on the device. Default f32. */
  readonly dtype?: DType;
}

/** One set of inputs that an op must handle; tests, fuzzing and gradient checks run over these. */
export interface OpSample<Attrs> {
  readonly name: string;
  readonly inputs: readonly RefArray[];
  readonly attrs: Attrs;
  /** Inputs that are not differentiated, such as ids. Default: inputs with an integer dtype. */
  readonly constant?: readonly number[];
}

/** Inputs that an op must refuse, with the code of the refusal. */
export interface OpErrorSample<Attrs> {
  readonly name: string;
  readonly inputs: readonly TensorSpec[];
  readonly attrs: Attrs;
  readonly code: ErrorCode;
}

/**
 * Everything about an op in one record: the shape rule, the kernels it records, a float64 reference
 * and the inputs to check it with. Its gradient stands here, or under its name in the table of
 * `@dawngrad/autograd`.
 */
export interface OpDef<Attrs> {
  readonly name: string;
  /** One sentence with the formula. */
  readonly doc: string;
  /** Output shapes and types. Throws ToolError 'shape' for operands that do not fit. */
  infer(inputs: readonly TensorSpec[], attrs: Attrs): TensorSpec[];
  /** Records the kernels. Views return handles on the same buffer. */
  run(inputs: readonly Tensor[], outputs: readonly TensorSpec[], attrs: Attrs): Tensor[];
  /** The same function in float64 on the host. */
  reference(inputs: readonly RefArray[], attrs: Attrs): RefArray[];
  /** Inputs that the tests run over: usual and odd sizes, edges, empty. */
  samples(): OpSample<Attrs>[];
  /** A random sample. Default: one of `samples` with other sizes where the shape rule takes them, and other values. */
  fuzz?(draw: Draw): OpSample<Attrs>;
  /** Inputs that the op must refuse. */
  errors(): OpErrorSample<Attrs>[];
  /** Why the op has no gradient, where it has none. */
  readonly nonDifferentiable?: string;
  /** The gradient of an op that no table lists; see `defineOp`. */
  readonly gradient?: Gradient<Attrs>;
  /** True for a composition without a gradient of its own: observers see the ops that it applies instead. */
  readonly isTransparent?: boolean;
  /** How many of the outputs carry a gradient, the first ones. Default: all. */
  readonly differentiableOutputs?: number;
  /** Inputs that are integers, such as ids; the op's own shape rule checks them. All others must be f32. */
  readonly integerInputs?: readonly number[];
  /** True for ops that move elements without looking at them: any element type will do. */
  readonly anyDtype?: boolean;
  /**
   * Element types that the inputs other than `integerInputs` may have. Default f32, or all with `anyDtype`.
   * The forward tests run every sample in every one of them.
   */
  readonly dtypes?: readonly DType[];
  /** How exact the op is; the tests take the numbers from `testing/tolerance.ts`. Default 'transcendental'. */
  readonly tolerance?: ToleranceClass;
}

/** An op whatever its attributes are. */
// The tables hold ops of many attribute types; the attributes of an op are only ever passed back to it.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type AnyOpDef = OpDef<any>;

/** Sees every op as it is applied; autograd's tape is one. */
export interface OpObserver {
  /** True for one that only looks on: it sees ops also where no gradient is wanted. */
  readonly isTrace?: true;
  /** Called after each op, with its inputs and what came out. */
  onApply(def: AnyOpDef, inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: unknown): void;
}

const observers: OpObserver[] = [];

/** Runs `body` with `observer` watching every op. Observers nest: all of them see each op. */
export function withObserver<T>(observer: OpObserver, body: () => T): T {
  observers.push(observer);
  try {
    return body();
  } finally {
    observers.pop();
  }
}

/** Runs `body` unseen by the observers that are open now, traces apart. */
export function withoutObservers<T>(body: () => T): T {
  const all = [...observers];
  observers.splice(0, observers.length, ...all.filter((observer) => observer.isTrace));
  try {
    return body();
  } finally {
    observers.splice(0, observers.length, ...all);
  }
}

/**
 * Checks devices, types and shapes, records the kernels, tells the observers. Throws ToolError 'device' for disposed
 * tensors and for tensors of several devices, 'shape' for types and shapes that do not fit, 'limit' for sizes over
 * the device's limits or the memory budget.
 */
export function applyOp<Attrs>(def: OpDef<Attrs>, inputs: readonly Tensor[], attrs: Attrs): Tensor[] {
  checkOperands(def.name, inputs);
  inputs.forEach((input, i) => {
    // A kernel would take the bits of another type for f32 values, without any error.
    if (def.anyDtype === true || def.integerInputs?.includes(i) === true) return;
    const dtypes = def.dtypes ?? ['f32'];
    if (!dtypes.includes(input.dtype)) {
      throw new ToolError('shape', {
        op: def.name,
        expected: `${dtypes.join(' or ')} as input ${i}`,
        got: `${input.dtype} (${describeInputs(inputs)})`,
        hint: `cast it first: cast(x, '${dtypes[0]}').`,
      });
    }
  });
  const specs = inferOutputs(def, inputs, attrs);
  const outputs = def.run(inputs, specs, attrs);
  if (def.isTransparent) return outputs;
  for (const observer of observers) observer.onApply(def, inputs, outputs, attrs);
  return outputs;
}

/** The op's shape rule; its refusals name the shape of every input, whatever the rule itself says of them. */
function inferOutputs<Attrs>(def: OpDef<Attrs>, inputs: readonly TensorSpec[], attrs: Attrs): TensorSpec[] {
  try {
    return def.infer(inputs, attrs);
  } catch (error) {
    if (!(error instanceof ToolError) || inputs.length === 0) throw error;
    const { detail } = error;
    if (inputs.every(({ shape }) => detail.got.includes(formatShape(shape)))) throw error;
    throw new ToolError(error.code, { ...detail, got: `${detail.got} (${describeInputs(inputs)})`, cause: error });
  }
}

function describeInputs(inputs: readonly TensorSpec[]): string {
  const specs = inputs.map(({ shape, dtype }) => `${dtype} ${formatShape(shape)}`);
  return `${inputs.length === 1 ? 'input' : 'inputs'} ${specs.join(', ')}`;
}

/** True while some observer, other than a trace, would see an op. */
export function isObserved(): boolean {
  return observers.some((observer) => !observer.isTrace);
}
