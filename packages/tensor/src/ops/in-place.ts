import { ToolError } from '../errors.ts';
import type { Device } from '../gpu/device.ts';
import { planAccumulate, planFill } from '../kernels/in-place.wgsl.ts';
import { formatShape, type Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchPlan } from './launch-plan.ts';

/** Kernels write in place by plain index: a strided target would be overwritten in the wrong places. */
function checkTarget(op: string, out: Tensor, source?: Tensor): void {
  if (
    out.isBindable &&
    out.dtype === 'f32' &&
    (source === undefined || (source.size === out.size && source.dtype === 'f32'))
  )
    return;
  const describe = (tensor: Tensor): string =>
    `${tensor.isBindable ? '' : 'strided or unaligned '}${tensor.dtype} ${formatShape(tensor.shape)}`;
  throw new ToolError('shape', {
    op,
    expected: 'a contiguous f32 tensor to write to and an f32 source of its size',
    got: [out, ...(source ? [source] : [])].map(describe).join(' and '),
  });
}

/** Overwrites a contiguous f32 tensor with one value, in place. Not seen by autograd. */
export function fill(out: Tensor, value: number): void {
  checkTarget('fill', out);
  if (out.size > 0) launchPlan(planFill(out.size, value), [], [out]);
}

/** out += source, in place, for f32 tensors of one size. Not seen by autograd. */
export function accumulateInto(out: Tensor, source: Tensor): void {
  checkTarget('accumulateInto', out, source);
  if (out.size > 0) launchPlan(planAccumulate(out.size, true), [source], [out]);
}

/** out = source, in place, for f32 tensors of one size. Not seen by autograd. */
export function copyInto(out: Tensor, source: Tensor): void {
  checkTarget('copyInto', out, source);
  if (out.size > 0) launchPlan(planAccumulate(out.size, false), [source], [out]);
}

/** A new f32 tensor of zeros. */
export function zeros(device: Device, shape: Shape, label = 'tensor/zeros'): Tensor {
  const out = Tensor.empty(device, shape, 'f32', label);
  fill(out, 0);
  return out;
}

/** Overwrites a contiguous f32 tensor with host values, after everything recorded before. */
export function overwrite(out: Tensor, data: Float32Array): void {
  const staged = Tensor.from(out.device, data, out.shape, 'f32', 'tensor/overwrite');
  copyInto(out, staged);
  staged.dispose();
}
