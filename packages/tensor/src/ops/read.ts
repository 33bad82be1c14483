import { checkOperands } from '../check-operands.ts';
import { debug } from '../debug.ts';
import { bytesPerElement, decodeHost, type HostArray, hostView } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import { formatShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { reportBadIndices } from './check-indices.ts';
import { bindable } from './launch-elementwise.ts';

/** The bytes of several tensors in one submit, after everything recorded before. */
async function readBytes(tensors: readonly Tensor[]): Promise<ArrayBuffer[]> {
  checkOperands('read', tensors);
  const device = tensors[0]?.device;
  if (device === undefined) return [];
  const compact = tensors.map((tensor) => bindable(tensor));
  const ranges = compact.map((tensor) => ({ ...tensor.binding(), size: tensor.size * bytesPerElement(tensor.dtype) }));
  // Until the copy is encoded, the pool must not hand these buffers to somebody else, even if the caller
  // disposes the tensors meanwhile.
  const storages = compact.map((tensor) => tensor.storage);
  for (const storage of storages) device.pool.retain(storage);
  compact.forEach((tensor, i) => {
    if (tensor !== tensors[i]) tensor.dispose();
  });
  const bytes = await device.readBytes(ranges).finally(() => {
    for (const storage of storages) device.pool.release(storage);
  });
  if (debug.checkIndices) await reportBadIndices(device);
  return bytes;
}

/**
 * Reads the values of several tensors in one submit, after everything recorded before: Float32Array for every
 * float type, Int32Array, Uint32Array, and Uint8Array of 0 and 1 for bool. Throws ToolError 'device' for disposed
 * tensors, tensors of several devices and work that the device rejected, 'lost' for a lost device.
 */
export async function readAll(tensors: readonly Tensor[]): Promise<HostArray[]> {
  return (await readBytes(tensors)).map((buffer, i) => decodeHost(tensors[i]!.dtype, buffer));
}

/** Reads a tensor as it is stored: 16-bit floats as the bits of a Uint16Array, bools as a Uint32Array. */
export async function readBits(tensor: Tensor): Promise<HostArray> {
  return hostView(tensor.dtype, (await readBytes([tensor]))[0]!);
}

/** Reads the values of a tensor; see `readAll`. */
export async function read(tensor: Tensor): Promise<HostArray> {
  return (await readAll([tensor]))[0]!;
}

/** Reads a tensor of one element. Throws ToolError 'shape' for more or fewer. */
export async function readScalar(tensor: Tensor): Promise<number> {
  if (tensor.size !== 1) {
    throw new ToolError('shape', {
      op: 'readScalar',
      expected: 'a tensor of one element',
      got: formatShape(tensor.shape),
      hint: 'use read, or reduce it first.',
    });
  }
  return (await read(tensor))[0]!;
}
