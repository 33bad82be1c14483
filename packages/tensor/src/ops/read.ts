import { bytesPerElement, type HostArray, hostView } from '../dtype.ts';
import type { Tensor } from '../tensor.ts';
import { bindable } from './launch-elementwise.ts';

/** Reads the values of several tensors in one submit, after everything recorded before. */
export async function readAll(tensors: readonly Tensor[]): Promise<HostArray[]> {
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
  return bytes.map((buffer, i) => hostView(tensors[i]!.dtype, buffer));
}

/** Reads the values of a tensor. */
export async function read(tensor: Tensor): Promise<HostArray> {
  return (await readAll([tensor]))[0]!;
}

/** Reads a tensor of one element. */
export async function readScalar(tensor: Tensor): Promise<number> {
  return (await read(tensor))[0]!;
}
