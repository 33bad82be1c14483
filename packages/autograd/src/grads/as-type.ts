import { cast, type DType, type Tensor } from '@dawngrad/tensor';

/** A gradient in the element type of the input that it belongs to; itself where it has it already. */
export function asType(gradient: Tensor, dtype: DType): Tensor {
  return gradient.dtype === dtype ? gradient : cast(gradient, dtype);
}
