import { describe, expect, it } from 'vitest';
import { checkValues } from '../../src/io/check-values.ts';
import { memorySource } from '../../src/io/memory-files.ts';
import { SafetensorsFile } from '../../src/io/safetensors.ts';
import { WeightIndex } from '../../src/io/weight-index.ts';
import { safetensorsOf } from './tiny-checkpoint.ts';

/** The message for a tensor with these bits, or none. */
async function check(
  dtype: string,
  words: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
): Promise<string | undefined> {
  const tensors = new Map([
    ['first', { dtype: 'I8', shape: [2], bytes: Uint8Array.of(0xff, 0xff) }],
    ['w', { dtype, shape: [words.length], bytes: new Uint8Array(words.buffer) }],
  ]);
  const file = await SafetensorsFile.open(memorySource('m.safetensors', safetensorsOf(tensors)));
  let read = 0;
  try {
    await checkValues(WeightIndex.of(file), (bytes) => {
      read += bytes;
    });
  } catch (error) {
    return (error as Error).message;
  }
  expect(read).toBe(2 + words.byteLength);
  return undefined;
}

describe('checkValues', () => {
  it.each([
    ['F16', 0x7c00],
    ['BF16', 0x7f80],
  ])('takes every finite %s and finds every other, wherever it stands', async (dtype, infinity) => {
    const finite = Uint16Array.from({ length: infinity }, (_, bits) => (bits % 3 === 0 ? bits | 0x8000 : bits));
    expect(await check(dtype, finite)).toBeUndefined();
    expect(await check(dtype, finite.slice(1))).toBeUndefined();
    for (const bad of [infinity, infinity | 0x8000, infinity + 1, 0xffff]) {
      for (const at of [0, 1, 6, 7, 8]) {
        const words = finite.slice(-9);
        words[at] = bad;
        expect(await check(dtype, words)).toContain(
          `m.safetensors: w: expected finite values, got NaN or infinity at element ${at}`,
        );
      }
    }
  });

  it('takes finite F32 and finds every other', async () => {
    const finite = Uint32Array.of(0, 0x80000000, 0x7f7fffff, 0xff7fffff, 1, 0x3f800000, 0x00ffffff);
    expect(await check('F32', finite)).toBeUndefined();
    for (const bad of [0x7f800000, 0xff800000, 0x7f800001, 0xffffffff]) {
      for (let at = 0; at < finite.length; at++) {
        const words = finite.slice();
        words[at] = bad;
        expect(await check('F32', words)).toContain(`element ${at}`);
      }
    }
  });
});
