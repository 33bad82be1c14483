import { ToolError } from '@dawngrad/tensor';
import { aligned } from './safetensors.ts';
import type { WeightIndex } from './weight-index.ts';

/** All-ones exponents, which mean infinity or NaN, of 16-bit words. */
const EXPONENT_16: Readonly<Record<string, number>> = { F16: 0x7c00, BF16: 0x7f80 };

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
  if (dtype === 'F32') {
    const words = new Uint32Array(aligned(bytes, 4));
    for (let i = 0; i < words.length; i++) if ((words[i]! & 0x7f800000) === 0x7f800000) return i;
    return -1;
  }
  const exponent = EXPONENT_16[dtype];
  if (exponent === undefined) return -1;
  const words = new Uint16Array(aligned(bytes, 2));
  for (let i = 0; i < words.length; i++) if ((words[i]! & exponent) === exponent) return i;
  return -1;
}
