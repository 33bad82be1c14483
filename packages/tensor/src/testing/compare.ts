import { encodeBf16, encodeF16, type HostArray } from '../dtype.ts';
import type { Device } from '../gpu/device.ts';
import type { RefArray } from '../op.ts';
import { Tensor } from '../tensor.ts';

/** A host array on the device, its values rounded to the array's dtype. */
export function toTensor(device: Device, array: RefArray): Tensor {
  const dtype = array.dtype ?? 'f32';
  const encode = dtype === 'f16' ? encodeF16 : dtype === 'bf16' ? encodeBf16 : undefined;
  const data = encode === undefined ? Array.from(array.data) : Uint16Array.from(array.data, encode);
  return Tensor.from(device, data, array.shape, dtype, 'test/input');
}

/**
 * The largest error of `actual`, relative to the larger of 1 and the largest reference value; Infinity
 * where one is not finite and the other is, or where the lengths differ.
 */
export function worstError(actual: HostArray | Float64Array, expected: Float64Array): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let scale = 1;
  for (const value of expected) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!;
    const e = expected[i]!;
    if (Object.is(a, e) || a === e) continue;
    if (!Number.isFinite(a) || !Number.isFinite(e)) return Number.POSITIVE_INFINITY;
    worst = Math.max(worst, Math.abs(a - e) / scale);
  }
  return worst;
}
