import type { DType } from './dtype.ts';
import { ToolError } from './errors.ts';
import type { AdapterClass } from './gpu/adapter.ts';
import type { LaunchPlan } from './gpu/launch-plan.ts';
import type { Gradient } from './gradient.ts';
import {
  type OpDef,
  type OpErrorSample,
  type OpSample,
  type RefArray,
  type TensorSpec,
  withoutObservers,
} from './op.ts';
import { launchElementwise } from './ops/launch-elementwise.ts';
import { launchPlan } from './ops/launch-plan.ts';
import type { ScalarLike } from './scalar.ts';
import { broadcastShapes, type Shape } from './shape.ts';
import { Tensor } from './tensor.ts';

/** An elementwise op in WGSL. */
export interface ElementwiseForm<Attrs> {
  /** WGSL expression over `x0, x1, ...` (the inputs), `params.<scalar>`, and `T(...)` for the element type. */
  readonly expr: string;
  /** WGSL functions that the expression calls. */
  readonly functions?: string;
  /** Numbers that come from the attributes. They are kernel parameters: another value compiles nothing. */
  readonly scalars?: (attrs: Attrs) => Readonly<Record<string, ScalarLike>>;
}

/** What a kernel is chosen by. */
export interface LaunchContext<Attrs> {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly attrs: Attrs;
  readonly adapterClass: AdapterClass;
}

/** What `defineOp` takes: the rule of shapes, one of three forms of the op, and its gradient. */
export interface OpDefinition<Attrs> {
  /** Letters, digits and `/`; shown in errors and profiles. */
  readonly name: string;
  /** One sentence with the formula. */
  readonly doc: string;
  /** Output shapes and types; throws ToolError 'shape'. Default for `elementwise`: the broadcast of the inputs, f32. */
  readonly infer?: (inputs: readonly TensorSpec[], attrs: Attrs) => TensorSpec[];

  /** Form 1: an expression for each element, with NumPy broadcasting over any strides. */
  readonly elementwise?: ElementwiseForm<Attrs>;
  /** Form 2: one launch of a kernel. Its bindings are the inputs, made contiguous, and then the outputs. */
  readonly launch?: (context: LaunchContext<Attrs>) => LaunchPlan;
  /** Form 3: other ops. Without a `gradient` it is differentiated through the ops that it applies. */
  readonly compose?: (inputs: readonly Tensor[], attrs: Attrs) => Tensor | readonly Tensor[];

  readonly gradient?: Gradient<Attrs>;
  /** Why there is no gradient. */
  readonly nonDifferentiable?: string;

  /** The same function in float64, for tests. */
  readonly reference?: (inputs: readonly RefArray[], attrs: Attrs) => RefArray[];
  /** Inputs to test the op with. Default: none. */
  readonly samples?: () => OpSample<Attrs>[];
  /** Inputs that the op must refuse. Default: none. */
  readonly errors?: () => OpErrorSample<Attrs>[];
  readonly integerInputs?: readonly number[];
  /** Element types of the other inputs. Default f32. */
  readonly dtypes?: readonly DType[];
  readonly tolerance?: NonNullable<OpDef<Attrs>['tolerance']>;
}

/**
 * A new op. `applyOp(def, inputs, attrs)` runs it: types and shapes are checked, the kernels are recorded, and
 * tapes find the gradient on the definition. Nothing has to be registered.
 *
 * Throws ToolError 'usage' for a definition that is not complete.
 */
export function defineOp<Attrs>(definition: OpDefinition<Attrs>): OpDef<Attrs> {
  const { name, doc, elementwise, launch, compose, gradient, nonDifferentiable } = definition;
  const fail = (expected: string, got: string): never => {
    throw new ToolError('usage', { op: 'defineOp', expected, got });
  };
  if (!/^[a-zA-Z][\w/]*$/.test(name)) fail('a name of letters, digits, _ and /', JSON.stringify(name));
  const forms = [elementwise, launch, compose].filter((form) => form !== undefined).length;
  if (forms !== 1) fail(`${name} with one of elementwise, launch and compose`, `${forms} of them`);
  if (gradient !== undefined && nonDifferentiable !== undefined) {
    fail(`${name} with a gradient or a reason why it has none`, 'both');
  }
  if (compose === undefined && gradient === undefined && nonDifferentiable === undefined) {
    fail(`${name} with a gradient, or \`nonDifferentiable\` with the reason`, 'neither');
  }
  if (definition.infer === undefined && elementwise === undefined) fail(`${name} with a rule of shapes`, 'none');
  const { reference, samples, errors, integerInputs, dtypes, tolerance } = definition;
  return {
    name,
    doc,
    infer: definition.infer ?? ((inputs) => [{ shape: broadcastAll(name, inputs), dtype: 'f32' }]),
    run: runOf(definition),
    reference:
      reference ??
      (() => {
        throw new ToolError('usage', { op: name, expected: 'an op with a reference', got: 'one defined without' });
      }),
    samples: samples ?? (() => []),
    errors: errors ?? (() => []),
    ...(gradient && { gradient }),
    ...(nonDifferentiable !== undefined && { nonDifferentiable }),
    ...(compose && gradient === undefined && nonDifferentiable === undefined && { isTransparent: true }),
    ...(integerInputs && { integerInputs }),
    ...(dtypes && { dtypes }),
    ...(tolerance !== undefined && { tolerance }),
  };
}

function runOf<Attrs>({ name, elementwise, launch, compose, ...rest }: OpDefinition<Attrs>): OpDef<Attrs>['run'] {
  if (elementwise !== undefined) {
    const { expr, functions, scalars } = elementwise;
    // Kernels are cached by name: another op of the same name must not meet this one's.
    const unique = `${name}/${textHash(`${functions ?? ''}\n${expr}`)}`;
    return (inputs, [out], attrs) => {
      const numbers = scalars?.(attrs) ?? {};
      const expression = { name: unique, expr, scalars: Object.keys(numbers), ...(functions && { functions }) };
      return [launchElementwise(expression, inputs, out!, Object.values(numbers))];
    };
  }
  if (launch !== undefined) {
    return (inputs, specs, attrs) => {
      const { device } = inputs[0]!;
      const outputs = specs.map(({ shape, dtype }) => Tensor.empty(device, shape, dtype, `${name}/output`));
      if (outputs.some((output) => output.size > 0)) {
        launchPlan(launch({ inputs, outputs: specs, attrs, adapterClass: device.adapterClass }), inputs, outputs);
      }
      return outputs;
    };
  }
  // With a gradient of its own the composition is one op to a tape, so its parts must not be seen.
  const isOpaque = rest.gradient !== undefined || rest.nonDifferentiable !== undefined;
  return (inputs, specs, attrs) => {
    const made = isOpaque ? withoutObservers(() => compose!(inputs, attrs)) : compose!(inputs, attrs);
    const outputs = made instanceof Tensor ? [made] : [...made];
    specs.forEach(({ shape, dtype }, i) => {
      const output = outputs[i];
      if (output?.dtype !== dtype || output.shape.join() !== shape.join()) {
        throw new ToolError('shape', {
          op: name,
          expected: `output ${i} of ${dtype} [${shape.join(',')}], as its shape rule says`,
          got: output === undefined ? 'none' : `${output.dtype} [${output.shape.join(',')}]`,
        });
      }
    });
    return outputs;
  };
}

function broadcastAll(name: string, inputs: readonly TensorSpec[]): Shape {
  return inputs.map(({ shape }) => shape).reduce((a, b) => broadcastShapes(name, a, b));
}

/** FNV-1a of a text, in hexadecimal. */
function textHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16);
}
