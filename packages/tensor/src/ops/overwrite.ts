import { checkOperands } from '../check-operands.ts';
import { bytesPerElement, type HostArray } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import { planWriteRange } from '../kernels/write-range.wgsl.ts';
import { formatShape } from '../shape.ts';
import { Tensor, toHostArray } from '../tensor.ts';

/** Overwrites a contiguous tensor with host values, after everything recorded before; see `overwriteRange`. */
export function overwrite(out: Tensor, data: HostArray): void {
  if (data.length !== out.size) {
    throw new ToolError('shape', {
      op: 'overwrite',
      expected: `${out.size} values for shape ${formatShape(out.shape)}`,
      got: String(data.length),
    });
  }
  overwriteRange(out, 0, data);
}

/**
 * Overwrites the elements of a contiguous tensor from element `first` on with host values, after everything recorded
 * before: a file reaches the device in pieces, and never lies in host memory as a whole. Values are rounded and
 * checked as in `Tensor.from`. They are copied once, straight into the buffer, unless recorded work still waits to
 * use it or the range begins or ends within a word; then a launch moves them.
 *
 * The driver holds what it was given until it has copied it: await `device.finish()` every few pieces. Not seen by
 * autograd. Throws ToolError 'shape' for a range that does not lie in the tensor.
 */
export function overwriteRange(out: Tensor, first: number, data: HostArray): void {
  const stored = toHostArray(data, out.dtype, 'overwriteRange');
  writeStored('overwriteRange', out, first, new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
}

/**
 * The same from bytes as the elements are stored: little-endian, 16-bit floats in 2 bytes, bools in 4. They may begin
 * anywhere in their buffer, as tensors of a file do.
 */
export function overwriteBytes(out: Tensor, first: number, bytes: Uint8Array): void {
  if (bytes.byteLength % bytesPerElement(out.dtype) !== 0) {
    throw new ToolError('shape', {
      op: 'overwriteBytes',
      expected: `whole elements of ${bytesPerElement(out.dtype)} bytes`,
      got: `${bytes.byteLength} bytes`,
    });
  }
  writeStored('overwriteBytes', out, first, bytes);
}

function writeStored(op: string, out: Tensor, first: number, bytes: Uint8Array): void {
  checkOperands(op, [out]);
  const { device, storage } = out;
  const width = bytesPerElement(out.dtype);
  const count = bytes.byteLength / width;
  if (!out.isContiguous || !Number.isInteger(first) || first < 0 || first + count > out.size) {
    throw new ToolError('shape', {
      op,
      expected: out.isContiguous ? `elements within 0 ... ${out.size}` : 'a contiguous tensor to write to',
      got: `${first} ... ${first + count} of ${out.dtype} ${formatShape(out.shape)}`,
    });
  }
  if (count === 0) return;
  const offset = (out.offset + first) * width;
  const isWhole = offset % 4 === 0 && bytes.byteLength % 4 === 0;
  // In a step that is being compiled the values are a constant, written at every replay.
  if (isWhole && !device.isRecording && storage.epoch !== device.epoch) {
    device.write(storage, offset, bytes);
    return;
  }
  const staged = new Tensor(device, device.upload(bytes, 'tensor/overwrite'), 'u32', [Math.ceil(bytes.byteLength / 4)]);
  const { kernel, params, workgroups } = planWriteRange(offset / 2, bytes.byteLength / 2);
  device.dispatch(kernel, [staged.binding(), out.wholeBinding()], params, workgroups, { kind: 'opaque' });
  staged.dispose();
}
