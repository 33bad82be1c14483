import type { Device } from '../gpu/device.ts';
import { linearWorkgroups } from '../gpu/kernel.ts';
import { ACCUMULATE, FILL } from '../kernels/in-place.wgsl.ts';
import type { Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';

/** Overwrites a contiguous f32 tensor with one value, in place. Not seen by autograd. */
export function fill(out: Tensor, value: number): void {
  if (out.size > 0)
    out.device.dispatch(FILL, [out.binding()], [out.size, value], linearWorkgroups(Math.ceil(out.size / 256)));
}

/** out += source, in place, for contiguous f32 tensors of one size. Not seen by autograd. */
export function accumulateInto(out: Tensor, source: Tensor): void {
  launchAccumulate(out, source, 1);
}

/** out = source, in place, for contiguous f32 tensors of one size. Not seen by autograd. */
export function copyInto(out: Tensor, source: Tensor): void {
  launchAccumulate(out, source, 0);
}

function launchAccumulate(out: Tensor, source: Tensor, keep: number): void {
  if (out.size === 0) return;
  out.device.dispatch(
    ACCUMULATE,
    [source.binding(), out.binding()],
    [out.size, keep],
    linearWorkgroups(Math.ceil(out.size / 256)),
  );
}

/** A new f32 tensor of zeros. */
export function zeros(device: Device, shape: Shape, label = 'tensor/zeros'): Tensor {
  const out = Tensor.empty(device, shape, 'f32', label);
  fill(out, 0);
  return out;
}

/** Overwrites a contiguous f32 tensor with host values, after everything recorded before. */
export function overwrite(out: Tensor, data: Float32Array): void {
  const staged = Tensor.from(out.device, data as Float32Array<ArrayBuffer>, out.shape, 'f32', 'tensor/overwrite');
  copyInto(out, staged);
  staged.dispose();
}
