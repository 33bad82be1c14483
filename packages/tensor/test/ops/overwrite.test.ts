import {
  add,
  bytesPerElement,
  compile,
  type Device,
  type DType,
  dequantizeBlocks,
  emptyQuantized,
  eye,
  fill,
  type HostArray,
  overwrite,
  overwriteBytes,
  overwriteQuantized,
  overwriteRange,
  quantizeBlocks,
  quantizedMatmul,
  quantizeMatrix,
  read,
  readBits,
  scopeAsync,
  slice,
  Tensor,
  transpose,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const SIZE = 700;

/** Distinct values that every type holds. */
function valuesOf(dtype: DType, count: number, from = 0): HostArray {
  const numbers = Array.from({ length: count }, (_, i) => (dtype === 'bool' ? (i + from) % 2 : ((i + from) % 250) + 1));
  switch (dtype) {
    case 'i32':
      return Int32Array.from(numbers, (value) => -value);
    case 'u32':
      return Uint32Array.from(numbers);
    case 'bool':
      return Uint8Array.from(numbers);
    default:
      return Float32Array.from(numbers);
  }
}

describe.each(['f32', 'f16', 'bf16', 'i32', 'u32', 'bool'] as const)('overwriteRange of %s', (dtype) => {
  it.each([
    ['from the first element on', 0, SIZE],
    ['in the middle', 64, 100],
    ['between words', 3, 77],
    ['one element', 11, 1],
    ['to the end', SIZE - 5, 5],
    ['nothing', 4, 0],
  ])('writes what it is given and nothing beside it: %s', async (_name, first, count) => {
    for (const isWaiting of [false, true]) {
      await scopeAsync(async () => {
        const old = valuesOf(dtype, SIZE, 7);
        const out = Tensor.from(device, old, [SIZE], dtype);
        await device.finish();
        const before = device.counters.dispatches;
        // What reads the buffer was recorded before, and must see the old values.
        const earlier = isWaiting ? slice(out, 0, 0, SIZE) : undefined;
        const copied = earlier && transpose(earlier.view([20, 35], [35, 1], 0), 0, 1);
        const seen = copied && add(copied, copied);
        const recorded = device.counters.dispatches - before;
        overwriteRange(out, first, valuesOf(dtype, count, 100));
        const isWhole = bytesPerElement(dtype) === 4 || (first % 2 === 0 && count % 2 === 0);
        const launches = count === 0 || (isWhole && !isWaiting) ? 0 : 1;
        expect(device.counters.dispatches - before - recorded).toBe(launches);
        const expected = Array.from(old);
        expected.splice(first, count, ...valuesOf(dtype, count, 100));
        expect(Array.from(await read(out))).toEqual(expected);
        if (seen && dtype === 'f32') expect((await read(seen))[1]).toBe(2 * old[35]!);
      });
    }
  });
});

describe('overwriteBytes', () => {
  it('takes bytes that begin anywhere', async () => {
    await scopeAsync(async () => {
      const bits = Uint16Array.from({ length: 40 }, (_, i) => 0x3c00 + i);
      const file = new Uint8Array(100);
      file.set(new Uint8Array(bits.buffer), 13);
      const out = Tensor.from(device, new Uint16Array(50), [50], 'bf16');
      overwriteBytes(out, 3, file.subarray(13, 93));
      const found = await readBits(out);
      expect(Array.from(found)).toEqual([0, 0, 0, ...bits, 0, 0, 0, 0, 0, 0, 0]);
      expect(() => overwriteBytes(out, 0, file.subarray(0, 3))).toThrowError(
        expect.objectContaining({ code: 'shape' }),
      );
    });
  });
});

describe('overwriting', () => {
  it('goes to the part of the buffer that a view names', async () => {
    await scopeAsync(async () => {
      const whole = Tensor.from(device, new Float32Array(200), [200]);
      overwrite(slice(whole, 0, 5, 8), new Float32Array([1, 2, 3]));
      expect(Array.from((await read(whole)).slice(4, 9))).toEqual([0, 1, 2, 3, 0]);
    });
  });

  it('is refused outside the tensor, of strided views, and with values of another type', async () => {
    await scopeAsync(async () => {
      const out = Tensor.from(device, new Float32Array(12), [3, 4]);
      const refused = expect.objectContaining({ code: 'shape' });
      expect(() => overwriteRange(out, 10, new Float32Array(3))).toThrowError(refused);
      expect(() => overwriteRange(out, -1, new Float32Array(3))).toThrowError(refused);
      expect(() => overwriteRange(out, 0.5, new Float32Array(3))).toThrowError(refused);
      expect(() => overwriteRange(transpose(out, 0, 1), 0, new Float32Array(3))).toThrowError(refused);
      expect(() => overwriteRange(out, 0, new Int32Array(3))).toThrowError(refused);
      expect(() => overwrite(out, new Float32Array(3))).toThrowError(refused);
    });
  });

  it('within a compiled step happens at every replay', async () => {
    await scopeAsync(async () => {
      const out = Tensor.from(device, new Float32Array(8), [8]);
      const step = compile(device, () => {
        overwriteRange(out, 2, new Float32Array([5, 6]));
        return add(out, out);
      });
      const results: number[][] = [];
      for (let i = 0; i < 3; i++) {
        results.push(Array.from(await read(step())));
        fill(out, -1);
      }
      expect(results).toEqual([
        [0, 0, 10, 12, 0, 0, 0, 0],
        [-2, -2, 10, 12, -2, -2, -2, -2],
        [-2, -2, 10, 12, -2, -2, -2, -2],
      ]);
      step.dispose();
    });
  });
});

describe.each(['q8_0', 'q4_0', 'nf4'] as const)('overwriteQuantized of %s', (format) => {
  it('fills a matrix in pieces, with odd numbers of blocks, as one upload does', async () => {
    await scopeAsync(async () => {
      const [rows, columns] = [9, 192];
      const block = format === 'nf4' ? 64 : 32;
      const values = Float32Array.from(normalArray(1, [rows * columns]).data);
      const matrix = emptyQuantized(device, [rows, columns], format);
      const total = values.length / block;
      for (let first = 0; first < total; first += 7) {
        const part = values.subarray(first * block, Math.min(total, first + 7) * block);
        overwriteQuantized(matrix, first, quantizeBlocks(part, format));
      }
      const whole = quantizeMatrix(device, values, [rows, columns], format);
      expect(await read(matrix.codes)).toEqual(await read(whole.codes));
      expect(await readBits(matrix.scales)).toEqual(await readBits(whole.scales));
      const identity = eye(device, columns);
      const product = await read(quantizedMatmul(identity, matrix, { transB: true }));
      const dense = dequantizeBlocks(quantizeBlocks(values, format), format);
      expect(product[3 * rows + 4]).toBeCloseTo(dense[4 * columns + 3]!, 6);
      expect(() => overwriteQuantized(matrix, total - 1, quantizeBlocks(new Float32Array(2 * block), format))).toThrow(
        expect.objectContaining({ code: 'shape' }),
      );
    });
  });

  it('refuses rows that are not whole blocks and blocks of another format', async () => {
    await scopeAsync(async () => {
      const refused = expect.objectContaining({ code: 'shape' });
      expect(() => emptyQuantized(device, [2, 48], format)).toThrowError(refused);
      const matrix = emptyQuantized(device, [1, 64], format);
      const other = format === 'nf4' ? 'q8_0' : 'nf4';
      expect(() => overwriteQuantized(matrix, 0, quantizeBlocks(new Float32Array(64), other))).toThrowError(refused);
    });
  });
});
