import type { DType } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import type { Device } from '../gpu/device.ts';
import { formatShape, type Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';

/** Indices on the device, or known on the host, where they are checked. */
export type Indices = Tensor | readonly number[] | Int32Array | Uint32Array;

export function isIndexType(dtype: DType): boolean {
  return dtype === 'i32' || dtype === 'u32';
}

/**
 * Indices as a tensor. Those known on the host must lie in [-size, size), negative ones counting from the end; those
 * on the device are checked by `debug.checkIndices` only. Throws ToolError 'shape'.
 */
export function indexTensor(op: string, device: Device, indices: Indices, size: number): Tensor {
  if (indices instanceof Tensor) return indices;
  const resolved = Array.from(indices, (index, at) => {
    if (!Number.isInteger(index) || index < -size || index >= size) {
      throw new ToolError('shape', {
        op,
        expected: `indices in [${-size}, ${size})`,
        got: `${index} at position ${at}`,
      });
    }
    return index < 0 ? index + size : index;
  });
  return Tensor.from(device, resolved, [resolved.length], 'u32', `tensor/${op}/index`);
}

/** Throws ToolError 'shape' with what an op expected of its operands. */
export function refuseIndexed(
  op: string,
  expected: string,
  inputs: readonly { readonly shape: Shape; readonly dtype: DType }[],
): never {
  throw new ToolError('shape', {
    op,
    expected,
    got: inputs.map(({ shape, dtype }) => `${dtype} ${formatShape(shape)}`).join(' and '),
  });
}
