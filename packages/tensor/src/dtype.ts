/** Element types of a tensor. Every type takes 4 bytes an element except f16, which takes 2. */
export type DType = 'f32' | 'f16' | 'i32' | 'u32';

/** Host arrays that hold a tensor's elements; f16 travels as raw bits. */
export type HostArray = Float32Array | Uint16Array | Int32Array | Uint32Array;

export function bytesPerElement(dtype: DType): number {
  return dtype === 'f16' ? 2 : 4;
}

/** A typed view of `buffer` for elements of `dtype`. */
export function hostView(dtype: DType, buffer: ArrayBuffer): HostArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(buffer);
    case 'f16':
      return new Uint16Array(buffer);
    case 'i32':
      return new Int32Array(buffer);
    case 'u32':
      return new Uint32Array(buffer);
  }
}
