import type { DType } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import type { Device } from '../gpu/device.ts';
import { Tensor } from '../tensor.ts';

/**
 * The numbers start, start + step, ... before stop, as a vector. They are computed in float64 on the host, so that
 * rounding does not add up. Throws ToolError 'shape' for a step of 0 or numbers that are not finite.
 */
export function arange(device: Device, start: number, stop: number, step = 1, dtype: DType = 'f32'): Tensor {
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (step === 0 || !Number.isFinite(count) || !Number.isFinite(start)) {
    throw new ToolError('shape', {
      op: 'arange',
      expected: 'finite ends and a step other than 0',
      got: `${start}, ${stop}, ${step}`,
    });
  }
  const values = Array.from({ length: count }, (_, i) => start + i * step);
  return Tensor.from(device, values, [count], dtype, 'tensor/arange');
}

/**
 * `count` numbers from start to stop, both included, at equal distances; one number is start. Throws ToolError
 * 'shape' for a count that is negative or no integer.
 */
export function linspace(device: Device, start: number, stop: number, count: number, dtype: DType = 'f32'): Tensor {
  if (!Number.isInteger(count) || count < 0) {
    throw new ToolError('shape', { op: 'linspace', expected: 'a count of 0 or more', got: String(count) });
  }
  const last = count - 1;
  const values = Array.from({ length: count }, (_, i) =>
    i === last && i > 0 ? stop : start + ((stop - start) * i) / Math.max(1, last),
  );
  return Tensor.from(device, values, [count], dtype, 'tensor/linspace');
}

/** A matrix of ones on the main diagonal and zeros beside it. */
export function eye(device: Device, rows: number, columns = rows, dtype: DType = 'f32'): Tensor {
  const values = new Array<number>(rows * columns).fill(0);
  for (let i = 0; i < Math.min(rows, columns); i++) values[i * columns + i] = 1;
  return Tensor.from(device, values, [rows, columns], dtype, 'tensor/eye');
}
