import { ToolError } from '@dawngrad/tensor';
import { aligned } from './safetensors.ts';
import type { WeightIndex } from './weight-index.ts';

/** Of the elements in 32 bits: where their exponents are, one of each, and the bits over them. */
const EXPONENTS: Readonly<Record<string, { readonly mask: number; readonly one: number; readonly top: number }>> = {
  F32: { mask: 0x7f800000, one: 0x00800000, top: 0x80000000 },
  F16: { mask: 0x7c007c00, one: 0x04000400, top: 0x80008000 },
  BF16: { mask: 0x7f807f80, one: 0x00800080, top: 0x80008000 },
};

/**
 * Reads every float tensor, a few megabytes at a time, and throws ToolError 'corrupt' at the first value that is not
 * finite: a model with one says nothing but NaN. Integers and types of other sizes are only read.
 *
 * @param onBytes told how many bytes more were read
 */
export async function checkValues(weights: WeightIndex, onBytes: (bytes: number, name: string) => void): Promise<void> {
  for (const name of weights.names) {
    for await (const { start, bytes, dtype } of weights.readChunks(name)) {
      const bad = firstBad(bytes, dtype);
      if (bad >= 0) {
        throw new ToolError('corrupt', {
          op: `${weights.fileOf(name)}: ${name}`,
          expected: 'finite values',
          got: `NaN or infinity at element ${start + bad}`,
          hint: 'The training that made it diverged, or the file is damaged.',
        });
      }
      onBytes(bytes.byteLength, name);
    }
  }
}

/** The first element that is not finite, or -1. */
function firstBad(bytes: Uint8Array<ArrayBuffer>, dtype: string): number {
  const exponents = EXPONENTS[dtype];
  if (exponents === undefined) return -1;
  const { mask, one, top } = exponents;
  const whole = aligned(bytes, 2);
  const words = new Int32Array(whole, 0, Math.floor(whole.byteLength / 4));
  // An exponent of ones, and no other, becomes the bit over it when one is added: two elements of 16 bits at a time,
  // and no branch for each.
  let seen = 0;
  for (let i = 0; i < words.length; i++) seen |= (words[i]! & mask) + one;
  const isOdd = whole.byteLength % 4 !== 0;
  if (isOdd) seen |= (new Uint16Array(whole)[2 * words.length]! & mask) + one;
  if ((seen & top) === 0) return -1;
  const elements = dtype === 'F32' ? new Uint32Array(whole) : new Uint16Array(whole);
  const bits = dtype === 'F32' ? mask : mask & 0xffff;
  return elements.findIndex((word) => (word & bits) === bits);
}
