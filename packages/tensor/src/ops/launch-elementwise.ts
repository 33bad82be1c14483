import { broadcastStrides, type ElementwiseExpression, planElementwise } from '../kernels/elementwise.wgsl.ts';
import type { TensorSpec } from '../op.ts';
import type { ScalarLike } from '../scalar.ts';
import { Tensor } from '../tensor.ts';
import { launchCopy } from './launch-move.ts';

/** Records one elementwise launch over broadcast inputs and returns its new, contiguous output. */
export function launchElementwise(
  expression: ElementwiseExpression,
  inputs: readonly Tensor[],
  out: TensorSpec,
  scalars: readonly ScalarLike[] = [],
): Tensor {
  const device = inputs[0]!.device;
  const result = Tensor.empty(device, out.shape, out.dtype, `tensor/${expression.name}`);
  if (result.size === 0) return result;
  const operands = inputs.map((input) => ({
    dtype: input.dtype,
    strides: broadcastStrides(input.shape, input.strides, out.shape),
    offset: input.offset,
  }));
  const plan = planElementwise(expression, operands, out, scalars);
  device.dispatch(
    plan.kernel,
    [...inputs.map((input) => input.wholeBinding()), result.binding()],
    plan.params,
    plan.workgroups,
    { kind: 'pointwise', expression, operands, out, scalars },
  );
  return result;
}

const COPY: ElementwiseExpression = { name: 'copy', expr: 'x0' };

/** A compact copy of a view. Not seen by autograd. */
export function compact(tensor: Tensor): Tensor {
  // Elements that share words, and bools, move as bits; the others by an expression that the step compiler can fuse.
  const { dtype } = tensor;
  return dtype === 'f32' || dtype === 'i32' || dtype === 'u32'
    ? launchElementwise(COPY, [tensor], tensor)
    : launchCopy(tensor);
}

/** The tensor itself if a kernel can bind it as a plain array, else a compact copy. Not seen by autograd. */
export function bindable(tensor: Tensor): Tensor {
  return tensor.isBindable ? tensor : compact(tensor);
}
