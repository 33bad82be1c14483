import { checkOperands } from '../check-operands.ts';
import { type DType, holdsNumber, isInteger } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import type { Device } from '../gpu/device.ts';
import { planAccumulate, planFill } from '../kernels/in-place.wgsl.ts';
import { formatShape, type Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchPlan } from './launch-plan.ts';

/** Kernels write in place by plain index: a strided target would be overwritten in the wrong places. */
function checkTarget(op: string, out: Tensor, source?: Tensor): void {
  checkOperands(op, [out, ...(source ? [source] : [])]);
  if (out.isBindable && (source === undefined || (source.size === out.size && source.dtype === out.dtype))) return;
  const describe = (tensor: Tensor): string =>
    `${tensor.isBindable ? '' : 'strided or unaligned '}${tensor.dtype} ${formatShape(tensor.shape)}`;
  throw new ToolError('shape', {
    op,
    expected: 'a contiguous tensor to write to and a source of its size and element type',
    got: [out, ...(source ? [source] : [])].map(describe).join(' and '),
  });
}

/** Overwrites a contiguous tensor with one value, in place. Not seen by autograd. */
export function fill(out: Tensor, value: number): void {
  checkTarget('fill', out);
  if (out.size > 0) launchPlan(planFill(out.size, value, out.dtype), [], [out]);
}

/** out += source, in place, for tensors of one size and type; of bools, or. Not seen by autograd. */
export function accumulateInto(out: Tensor, source: Tensor): void {
  checkTarget('accumulateInto', out, source);
  if (out.size > 0) launchPlan(planAccumulate(out.size, true, out.dtype), [source], [out]);
}

/** out = source, in place, for tensors of one size and type. Not seen by autograd. */
export function copyInto(out: Tensor, source: Tensor): void {
  checkTarget('copyInto', out, source);
  if (out.size > 0) launchPlan(planAccumulate(out.size, false, out.dtype), [source], [out]);
}

/** A new tensor of zeros. */
export function zeros(device: Device, shape: Shape, label = 'tensor/zeros', dtype: DType = 'f32'): Tensor {
  return full(device, shape, 0, dtype, label);
}

/** A new tensor of ones. */
export function ones(device: Device, shape: Shape, dtype: DType = 'f32'): Tensor {
  return full(device, shape, 1, dtype, 'tensor/ones');
}

/** A new tensor of one value. Throws ToolError 'shape' for a number that an integer type does not hold. */
export function full(device: Device, shape: Shape, value: number, dtype: DType = 'f32', label = 'tensor/full'): Tensor {
  if (isInteger(dtype) && !(Number.isInteger(value) && holdsNumber(dtype, value))) {
    throw new ToolError('shape', { op: label, expected: `a number that ${dtype} holds`, got: String(value) });
  }
  const out = Tensor.empty(device, shape, dtype, label);
  fill(out, value);
  return out;
}
