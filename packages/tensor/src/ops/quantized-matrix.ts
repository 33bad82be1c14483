import { ToolError } from '../errors.ts';
import type { Device } from '../gpu/device.ts';
import { WEIGHT_BLOCK } from '../kernels/matmul-weight.wgsl.ts';
import { CODE_BYTES, type QuantizedBlocks, type QuantizedFormat, quantizeBlocks } from '../kernels/quantize.ts';
import { Tensor } from '../tensor.ts';
import { overwriteRange } from './overwrite.ts';

/**
 * A frozen weight [rows, columns] in blocks of small integers along its rows, each block with a scale. A plain
 * object: scopes and `keep` see its tensors, and whoever ends its life disposes both.
 */
export interface QuantizedMatrix {
  readonly format: QuantizedFormat;
  readonly rows: number;
  readonly columns: number;
  /** u32: the bytes of the codes, four to a word, in the order of the published blocks. */
  readonly codes: Tensor;
  /** One a block: f16 for q8_0 and q4_0, f32 for nf4. */
  readonly scales: Tensor;
}

/**
 * Quantises a row-major matrix on the host and uploads it. Throws ToolError 'shape' where a row is not whole
 * blocks (of 32 values; of 64 for nf4).
 */
export function quantizeMatrix(
  device: Device,
  values: Float32Array,
  [rows, columns]: readonly [rows: number, columns: number],
  format: QuantizedFormat,
): QuantizedMatrix {
  if (values.length !== rows * columns) {
    throw new ToolError('shape', {
      op: 'quantizeMatrix',
      expected: `${rows} x ${columns} values`,
      got: String(values.length),
    });
  }
  assertBlocks('quantizeMatrix', columns, format);
  return uploadQuantized(device, quantizeBlocks(values, format), [rows, columns], format);
}

/** Uploads codes and scales that are quantised already, such as those of a file. Throws ToolError 'shape'. */
export function uploadQuantized(
  device: Device,
  { codes, scales }: QuantizedBlocks,
  [rows, columns]: readonly [rows: number, columns: number],
  format: QuantizedFormat,
): QuantizedMatrix {
  assertBlocks('uploadQuantized', columns, format);
  const { words, blocks } = quantizedSizes([rows, columns], format);
  if (codes.length !== words || scales.length !== blocks || scales instanceof Float32Array !== (format === 'nf4')) {
    throw new ToolError('shape', {
      op: 'uploadQuantized',
      expected: `${words} words of codes and ${blocks} scales (${format === 'nf4' ? 'f32' : 'f16'}) for ${format} [${rows}, ${columns}]`,
      got: `${codes.length} and ${scales.length}`,
    });
  }
  return {
    format,
    rows,
    columns,
    codes: Tensor.from(device, codes, [words], 'u32', 'tensor/quantized/codes'),
    scales: Tensor.from(device, scales, [blocks], scaleDtype(format), 'tensor/quantized/scales'),
  };
}

/**
 * A quantised matrix with unspecified contents, to be filled by `overwriteQuantized`. Throws ToolError 'shape' where a
 * row is not whole blocks, 'limit' where its codes are larger than a storage binding.
 */
export function emptyQuantized(
  device: Device,
  [rows, columns]: readonly [rows: number, columns: number],
  format: QuantizedFormat,
  label = 'tensor/quantized',
): QuantizedMatrix {
  assertBlocks('emptyQuantized', columns, format);
  const { words, blocks } = quantizedSizes([rows, columns], format);
  const codes = Tensor.empty(device, [words], 'u32', `${label}/codes`);
  return {
    format,
    rows,
    columns,
    codes,
    scales: Tensor.empty(device, [blocks], scaleDtype(format), `${label}/scales`),
  };
}

/**
 * Overwrites the blocks of a matrix from block `first` on, after everything recorded before; blocks lie along the
 * rows, one row after the other. Throws ToolError 'shape' for blocks of another format or outside the matrix.
 */
export function overwriteQuantized(matrix: QuantizedMatrix, first: number, { codes, scales }: QuantizedBlocks): void {
  const { format } = matrix;
  const words = CODE_BYTES[format] / 4;
  if (codes.length !== scales.length * words || scales instanceof Float32Array !== (format === 'nf4')) {
    throw new ToolError('shape', {
      op: 'overwriteQuantized',
      expected: `${words} words of codes a block and scales in ${scaleDtype(format)} for ${format}`,
      got: `${codes.length} and ${scales.length} in ${scales instanceof Float32Array ? 'f32' : 'f16'}`,
    });
  }
  overwriteRange(matrix.codes, first * words, codes);
  overwriteRange(matrix.scales, first, scales);
}

export function scaleDtype(format: QuantizedFormat): 'f16' | 'f32' {
  return format === 'nf4' ? 'f32' : 'f16';
}

/** Words of codes and number of scales of a matrix. */
export function quantizedSizes(
  [rows, columns]: readonly [rows: number, columns: number],
  format: QuantizedFormat,
): { words: number; blocks: number } {
  const blocks = (rows * columns) / WEIGHT_BLOCK[format];
  return { words: (blocks * CODE_BYTES[format]) / 4, blocks };
}

function assertBlocks(op: string, columns: number, format: QuantizedFormat): void {
  const block = WEIGHT_BLOCK[format];
  if (columns % block === 0) return;
  throw new ToolError('shape', {
    op,
    expected: `rows of whole blocks of ${block} values for ${format}`,
    got: `${columns} columns`,
    hint: 'pad the rows with zeros, or keep this weight in f16.',
  });
}
