import { broadcastStrides, type ElementwiseExpression, planElementwise } from '../kernels/elementwise.wgsl.ts';
import type { TensorSpec } from '../op.ts';
import { Tensor } from '../tensor.ts';

/** Records one elementwise launch over broadcast inputs and returns its new, contiguous output. */
export function launchElementwise(
  expression: ElementwiseExpression,
  inputs: readonly Tensor[],
  out: TensorSpec,
  scalars: readonly number[] = [],
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
  );
  return result;
}

const COPY: ElementwiseExpression = { name: 'copy', expr: 'x0' };

/** The tensor itself if a kernel can bind it as a plain array, else a compact copy. Not seen by autograd. */
export function bindable(tensor: Tensor): Tensor {
  return tensor.isBindable ? tensor : launchElementwise(COPY, [tensor], tensor);
}
