import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { planCopy } from '../kernels/copy.wgsl.ts';
import type { TensorSpec } from '../op.ts';
import { Tensor } from '../tensor.ts';

/** Records a launch of a kernel that addresses its inputs by strides; returns its new, contiguous output. */
export function launchMove(plan: () => LaunchPlan, inputs: readonly Tensor[], out: TensorSpec, label: string): Tensor {
  const { device } = inputs[0]!;
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
