import { type DType, encodeBf16, encodeF16 } from '../../dtype.ts';

const word = new DataView(new ArrayBuffer(4));

/** The bits that store a number as an element, for kernels that move bits: 16 of them for f16 and bf16, else 32. */
export function elementBits(value: number, dtype: DType): number {
  switch (dtype) {
    case 'f16':
      return encodeF16(value);
    case 'bf16':
      return encodeBf16(value);
    case 'bool':
      return value === 0 ? 0 : 1;
    case 'f32':
      word.setFloat32(0, value);
      return word.getUint32(0);
    default:
      return value >>> 0;
  }
}
