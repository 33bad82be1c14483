import { callSite } from './call-site.ts';
import { type DType, isFloat } from './dtype.ts';
import { ToolError } from './errors.ts';
import type { Device } from './gpu/device.ts';
import { nonFiniteKernel } from './kernels/non-finite.wgsl.ts';
import { withObserver, withoutObservers } from './op.ts';
import { bindable } from './ops/launch-elementwise.ts';
import { read } from './ops/read.ts';
import { scope } from './scope.ts';
import { formatShape, type Shape } from './shape.ts';
import { Tensor } from './tensor.ts';

/** The first op of some work that gave a NaN or an infinity. */
export interface NonFiniteReport {
  /** Its name in the table of ops. */
  readonly op: string;
  /** How many ops came before it. */
  readonly order: number;
  /** Which of its outputs, and where in it. */
  readonly output: number;
  readonly index: readonly number[];
  readonly value: number;
  readonly shape: Shape;
  /** What it was given. Where one is not finite, the op only passed on what somebody brought in. */
  readonly inputs: readonly { readonly shape: Shape; readonly dtype: DType; readonly isFinite: boolean }[];
  readonly callSite: string | undefined;
}

/** Most tensors that are looked at: ops past that are not traced. */
const MAX_TENSORS = 4096;
const NONE = 0xffffffff;

interface SeenOp {
  readonly op: string;
  /** Slots of the inputs and outputs; undefined for tensors that are not floats. */
  readonly inputs: readonly (number | undefined)[];
  readonly outputs: readonly (number | undefined)[];
  readonly inputSpecs: readonly { readonly shape: Shape; readonly dtype: DType }[];
  readonly outputShapes: readonly Shape[];
  readonly callSite: string | undefined;
}

/**
 * Runs `body` and looks at what each op gives, on the device, for the first NaN or infinity. Ops inside of
 * gradients are seen too, as far as they are ops: what a fused gradient kernel makes shows where the next op
 * takes it in. One launch more an input and output: for hunting, not for training.
 *
 * @returns what the first op that gave one was given and gave; undefined if all that was seen is finite.
 * @throws ToolError 'failed' inside of `compile`, and for more than 4,096 tensors.
 */
export async function traceNonFinite(device: Device, body: () => void): Promise<NonFiniteReport | undefined> {
  if (device.isRecording) {
    throw new ToolError('failed', {
      op: 'traceNonFinite',
      expected: 'eager work',
      got: 'a step that is being compiled',
      hint: 'trace the function itself, without compile.',
    });
  }
  const seen: SeenOp[] = [];
  const flags = Tensor.from(device, new Uint32Array(2 * MAX_TENSORS).fill(NONE), [2 * MAX_TENSORS], 'u32');
  let slots = 0;
  const slotOf = new Map<number, number>();
  const look = (tensor: Tensor): number | undefined => {
    if (!isFloat(tensor.dtype) || tensor.size === 0) return undefined;
    const known = slotOf.get(tensor.id);
    if (known !== undefined) return known;
    if (slots === MAX_TENSORS) {
      throw new ToolError('failed', {
        op: 'traceNonFinite',
        expected: `work on at most ${MAX_TENSORS} tensors`,
        got: 'more',
        hint: 'trace a part of it.',
      });
    }
    const slot = slots++;
    slotOf.set(tensor.id, slot);
    const plain = bindable(tensor);
    device.dispatch(nonFiniteKernel(tensor.dtype), [plain.binding(), flags.binding()], [tensor.size, slot], [1, 1, 1]);
    if (plain !== tensor) plain.dispose();
    return slot;
  };
  try {
    scope(() => {
      withObserver(
        {
          isTrace: true,
          onApply: (def, inputs, outputs) => {
            withoutObservers(() => {
              seen.push({
                op: def.name,
                inputs: inputs.map(look),
                outputs: outputs.map(look),
                inputSpecs: inputs.map(({ shape, dtype }) => ({ shape, dtype })),
                outputShapes: outputs.map(({ shape }) => shape),
                callSite: callSite(),
              });
            });
          },
        },
        body,
      );
    });
    return firstNonFinite(seen, (await read(flags)) as Uint32Array);
  } finally {
    flags.dispose();
  }
}

function firstNonFinite(seen: readonly SeenOp[], flags: Uint32Array): NonFiniteReport | undefined {
  const isClean = (slot: number | undefined): boolean => slot === undefined || flags[2 * slot] === NONE;
  const order = seen.findIndex(({ outputs }) => outputs.some((slot) => !isClean(slot)));
  const found = seen[order];
  if (found === undefined) return undefined;
  const output = found.outputs.findIndex((slot) => !isClean(slot));
  const slot = found.outputs[output]!;
  const shape = found.outputShapes[output]!;
  const index: number[] = [];
  let rest = flags[2 * slot]!;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  return {
    op: found.op,
    order,
    output,
    index,
    value: new Float32Array(flags.slice(2 * slot + 1, 2 * slot + 2).buffer)[0]!,
    shape,
    inputs: found.inputSpecs.map((spec, i) => ({ ...spec, isFinite: isClean(found.inputs[i]) })),
    callSite: found.callSite,
  };
}

/** The report in a line or two. */
export function formatNonFinite({ op, order, output, index, value, shape, inputs, callSite }: NonFiniteReport): string {
  const given = inputs.map(
    (input) => `${input.dtype} ${formatShape(input.shape)}${input.isFinite ? '' : ' (not finite already)'}`,
  );
  return [
    `${op} (op ${order}) gave ${value} at [${index.join(', ')}] of its output ${output}, ${formatShape(shape)}`,
    `  from ${given.join(', ')}`,
    ...(callSite === undefined ? [] : [`  ${callSite}`]),
  ].join('\n');
}
