import type { Parameters } from '@dawngrad/autograd';
import type { QuantizedFormat, QuantizedMatrix, Shape, Tensor, WeightFormat } from '@dawngrad/tensor';

/** How matrices of a model are kept on the device. Norms and biases are always f32. */
export const WEIGHT_FORMATS: readonly WeightFormat[] = ['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'nf4'];

/** A matrix to multiply by: one tensor, one quantised matrix, or row blocks of one that is larger than a binding. */
export type MatrixBlocks = readonly (Tensor | QuantizedMatrix)[];

/** Name and shape of one weight, as in the Hugging Face state dict. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: Shape;
  /** Whether it is a matrix of a linear layer, the only kind that is quantised. */
  readonly isLinear: boolean;
}

/** The weights that a model reads: in f32 and perhaps trained, or frozen in any format. */
export interface BaseWeights {
  readonly names: readonly string[];
  /** The weights as what an optimizer trains; undefined where they are frozen for good. */
  readonly parameters: Parameters | undefined;
  /** Bytes on the device. */
  readonly bytes: number;
  has(name: string): boolean;
  shape(name: string): Shape;
  /** How one weight is kept: matrices whose rows are not whole quantisation blocks stay in 16 bits. */
  format(name: string): WeightFormat;
  /** A norm or a bias, f32. */
  vector(name: string): Tensor;
  /** A matrix that is no part of a stack. */
  matrix(name: string): MatrixBlocks;
  /**
   * Weights of equal columns as one, rows after rows, if they lie so: one matmul does the work of several. The
   * names must be those of a stack of the model.
   */
  stacked(names: readonly string[]): MatrixBlocks | undefined;
  /** Biases as one, if they lie so, [sum of their sizes]. The names must be those of a stack of the model. */
  stackedVector(names: readonly string[]): Tensor | undefined;
  /** The values of one weight, widened to f32: [size]. */
  read(name: string): Promise<Float32Array>;
  /** One more model uses these weights: `dispose` frees them with the last. */
  retain(): void;
  dispose(): void;
}

/** True for formats that hold blocks of small integers with a scale. */
export function isQuantized(format: WeightFormat): format is QuantizedFormat {
  return format === 'q8_0' || format === 'q4_0' || format === 'nf4';
}
