import { bytesPerElement } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { planCopy } from '../kernels/copy.wgsl.ts';
import type { TensorSpec } from '../op.ts';
import { formatShape, sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';

/**
 * Records a launch of a kernel that addresses its inputs by strides; returns its new, contiguous output. Throws
 * ToolError 'limit' where an input or the output is larger than one storage binding.
 */
export function launchMove(plan: () => LaunchPlan, inputs: readonly Tensor[], out: TensorSpec, label: string): Tensor {
  const { device } = inputs[0]!;
  const most = device.limits.maxStorageBufferBindingSize;
  const bytes = Math.max(sizeOf(out.shape) * bytesPerElement(out.dtype), ...inputs.map(({ storage }) => storage.bytes));
  if (bytes > most) {
    throw new ToolError('limit', {
      op: label,
      expected: `tensors of at most ${most} bytes (one storage binding of this adapter)`,
      got: `${bytes} bytes for ${formatShape(out.shape)} from ${inputs.map(({ shape }) => formatShape(shape)).join(', ')}`,
      hint: 'work on parts; a table can be given to `embedding` in blocks of rows.',
    });
  }
  const result = Tensor.empty(device, out.shape, out.dtype, label);
  if (result.size === 0) return result;
  const { kernel, params, workgroups } = plan();
  const bindings = [...inputs.map((input) => input.wholeBinding()), result.binding()];
  device.dispatch(kernel, bindings, params, workgroups, { kind: 'opaque' });
  return result;
}

/** A compact copy of a view, bit by bit. Not seen by autograd. */
export function launchCopy(tensor: Tensor): Tensor {
  return launchMove(() => planCopy(tensor.dtype, tensor), [tensor], tensor, 'tensor/copy');
}
