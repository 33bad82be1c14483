import { decodeBf16, decodeF16, encodeBf16, encodeF16 } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import { largestPooled } from '../gpu/buffer-pool.ts';
import type { Device } from '../gpu/device.ts';
import { WEIGHT_BLOCK } from '../kernels/matmul-weight.wgsl.ts';
import { dequantizeBlocks, type QuantizedFormat, quantizeBlocks } from '../kernels/quantize.ts';
import type { RefArray, TensorSpec } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { type QuantizedMatrix, quantizedSizes, scaleDtype } from './quantized-matrix.ts';
import { normalArray, refArray } from './reference.ts';

/**
 * A matrix [V, D] to multiply by, as row blocks of one kind and width: a matrix that is larger than one storage
 * binding comes in several, each within one.
 */
export type MatrixBlocks = readonly (Tensor | QuantizedMatrix)[];

/** What an op must know of quantised blocks, whose inputs are codes and scales in turn. */
export interface QuantizedBlockSizes {
  readonly format: QuantizedFormat;
  /** Of each block. */
  readonly rows: readonly number[];
  readonly columns: number;
}

/** Blocks as the inputs of an op: a tensor each, or codes and scales, which `quantized` says how to read. */
export interface BlockInputs {
  readonly inputs: readonly Tensor[];
  readonly quantized?: QuantizedBlockSizes;
}

/**
 * Rows of each of the blocks that a matrix is cut into so that each lies within a storage binding of the device: one
 * block where all of it does, else as many rows as fit, a multiple of 128 where that many do. Throws ToolError
 * 'limit' where not even one row fits.
 */
export function blockHeights(device: Device, rows: number, rowBytes: number, op = 'blockHeights'): number[] {
  const limit = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  // The pool rounds buffers up, and kernels may bind them whole.
  const fitting = largestPooled(limit);
  if (rows * rowBytes <= fitting) return [rows];
  const most = Math.floor(fitting / rowBytes);
  if (most === 0) {
    throw new ToolError('limit', {
      op,
      expected: `rows of at most ${fitting} bytes (one storage binding of this adapter)`,
      got: `${rowBytes} bytes`,
    });
  }
  const height = most >= 128 ? Math.floor(most / 128) * 128 : most;
  const heights = new Array<number>(Math.floor(rows / height)).fill(height);
  return rows % height === 0 ? heights : [...heights, rows % height];
}

/** One matrix is a list of one block. */
export function listBlocks(weight: Tensor | QuantizedMatrix | MatrixBlocks): MatrixBlocks {
  return Array.isArray(weight) ? (weight as MatrixBlocks) : [weight as Tensor | QuantizedMatrix];
}

/** Throws ToolError 'shape' for blocks of several kinds, and for none. */
export function blockInputs(op: string, blocks: MatrixBlocks): BlockInputs {
  const floats = blocks.filter((block) => block instanceof Tensor);
  if (floats.length === blocks.length && blocks.length > 0) return { inputs: floats };
  const matrices = blocks.filter((block): block is QuantizedMatrix => !(block instanceof Tensor));
  const [first] = matrices;
  const isAlike = matrices.every(({ format, columns }) => format === first!.format && columns === first!.columns);
  if (first === undefined || floats.length > 0 || !isAlike) {
    throw new ToolError('shape', { op, expected: EXPECTED, got: blocks.map(describeBlock).join(', ') || 'none' });
  }
  return {
    inputs: matrices.flatMap(({ codes, scales }) => [codes, scales]),
    quantized: { format: first.format, rows: matrices.map(({ rows }) => rows), columns: first.columns },
  };
}

const EXPECTED = 'one matrix, or row blocks of one kind and width';

function describeBlock(block: Tensor | QuantizedMatrix): string {
  if (block instanceof Tensor) return `${block.dtype} ${formatShape(block.shape)}`;
  return `${block.format} ${formatShape([block.rows, block.columns])}`;
}

/** The blocks that inputs of an op stand for. */
export function blocksOfInputs(inputs: readonly Tensor[], quantized: QuantizedBlockSizes | undefined): MatrixBlocks {
  if (quantized === undefined) return inputs;
  const { format, columns } = quantized;
  return quantized.rows.map((rows, i) => ({
    format,
    rows,
    columns,
    codes: inputs[2 * i]!,
    scales: inputs[2 * i + 1]!,
  }));
}

/** Rows of each block and the width of all; `all` is what a refusal lists. Throws ToolError 'shape' for inputs that are no such blocks. */
export function blockSizes(
  op: string,
  inputs: readonly TensorSpec[],
  quantized: QuantizedBlockSizes | undefined,
  all: readonly TensorSpec[] = inputs,
): { readonly rows: readonly number[]; readonly columns: number } {
  const isFitting =
    quantized === undefined
      ? inputs.length > 0 && inputs.every((block) => isFloatBlock(block, inputs[0]!))
      : inputs.length === 2 * quantized.rows.length &&
        quantized.rows.every((_, i) => isQuantized(inputs, quantized, i));
  if (!isFitting) {
    throw new ToolError('shape', {
      op,
      expected: quantized === undefined ? EXPECTED : `${quantized.format} blocks of ${quantized.columns} columns`,
      got: all.map(({ shape, dtype }) => `${dtype} ${formatShape(shape)}`).join(', ') || 'none',
    });
  }
  return quantized ?? { rows: inputs.map(({ shape }) => shape[0]!), columns: inputs[0]!.shape[1]! };
}

function isFloatBlock({ shape, dtype }: TensorSpec, first: TensorSpec): boolean {
  const isFloat = dtype === 'f32' || dtype === 'f16' || dtype === 'bf16';
  return isFloat && dtype === first.dtype && shape.length === 2 && shape[1] === first.shape[1];
}

function isQuantized(
  inputs: readonly TensorSpec[],
  { format, rows, columns }: QuantizedBlockSizes,
  i: number,
): boolean {
  const [codes, scales] = [inputs[2 * i]!, inputs[2 * i + 1]!];
  const { words, blocks } = quantizedSizes([rows[i]!, columns], format);
  return (
    columns % WEIGHT_BLOCK[format] === 0 &&
    codes.dtype === 'u32' &&
    scales.dtype === scaleDtype(format) &&
    formatShape(codes.shape) === formatShape([words]) &&
    formatShape(scales.shape) === formatShape([blocks])
  );
}

/**
 * Rows first ... first + count - 1 of a block, as a handle to release with `releaseRows`. The block is plain, and
 * `first` a multiple of 128: then what the handle names begins where a binding may, whatever the format and width.
 */
export function blockRows(block: Tensor | QuantizedMatrix, first: number, count: number): Tensor | QuantizedMatrix {
  if (block instanceof Tensor) {
    const columns = block.shape[1]!;
    return block.view([count, columns], block.strides, block.offset + first * columns);
  }
  const { format, columns, codes, scales } = block;
  const [from, size] = [first, count].map((rows) => quantizedSizes([rows, columns], format)) as [Sizes, Sizes];
  return {
    format,
    rows: count,
    columns,
    codes: codes.view([size.words], codes.strides, codes.offset + from.words),
    scales: scales.view([size.blocks], scales.strides, scales.offset + from.blocks),
  };
}

type Sizes = ReturnType<typeof quantizedSizes>;

/** Disposes of what a block holds. */
export function releaseRows(block: Tensor | QuantizedMatrix): void {
  if (block instanceof Tensor) block.dispose();
  else for (const tensor of [block.codes, block.scales]) tensor.dispose();
}

/** The dense matrix that blocks given as inputs stand for, for references. */
export function referenceMatrix(inputs: readonly RefArray[], quantized: QuantizedBlockSizes | undefined): RefArray {
  const { rows, columns } = blockSizes(
    'reference',
    inputs.map(({ shape, dtype }) => ({ shape, dtype: dtype ?? 'f32' })),
    quantized,
  );
  const data = new Float64Array(rows.reduce((sum, count) => sum + count, 0) * columns);
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    const values =
      quantized === undefined ? inputs[i]!.data : dequantized(inputs[2 * i]!, inputs[2 * i + 1]!, quantized.format);
    data.set(values, at);
    at += values.length;
  }
  return refArray([data.length / Math.max(1, columns), columns], data);
}

/** The values of codes and scales that are given as numbers. */
export function dequantized(codes: RefArray, scales: RefArray, format: QuantizedFormat): Float32Array {
  return dequantizeBlocks(
    {
      codes: Uint32Array.from(codes.data),
      scales: format === 'nf4' ? Float32Array.from(scales.data) : Uint16Array.from(scales.data, encodeF16),
    },
    format,
  );
}

/** Normal values, quantised: codes and scales as the inputs of a sample. */
export function quantizedArrays(
  seed: number,
  shape: readonly [rows: number, columns: number],
  format: QuantizedFormat,
): [codes: RefArray, scales: RefArray] {
  const { codes, scales } = quantizeBlocks(Float32Array.from(normalArray(seed, [...shape]).data), format);
  return [
    { shape: [codes.length], data: Float64Array.from(codes), dtype: 'u32' },
    scales instanceof Float32Array
      ? { shape: [scales.length], data: Float64Array.from(scales) }
      : { shape: [scales.length], data: Float64Array.from(scales, decodeF16), dtype: 'f16' },
  ];
}

/** Normal values that 16-bit floats hold, for samples. */
export function narrowArray(seed: number, shape: readonly number[], dtype: 'f16' | 'bf16'): RefArray {
  const narrow = (value: number): number =>
    dtype === 'f16' ? decodeF16(encodeF16(value)) : decodeBf16(encodeBf16(value));
  return { ...normalArray(seed, shape), data: normalArray(seed, shape).data.map(narrow), dtype };
}
