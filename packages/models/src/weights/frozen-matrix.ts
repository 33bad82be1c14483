import {
  type Device,
  dequantizeBlocks,
  keep,
  type QuantizedFormat,
  type QuantizedMatrix,
  quantizeBlocks,
  read,
  readBits,
  Tensor,
  ToolError,
  type WeightFormat,
} from '@dawngrad/tensor';
import { firstOverflow, narrowBf16, narrowF16 } from '../io/float-formats.ts';
import { isQuantized, type MatrixBlocks } from './base-weights.ts';

/** Values that share a scale, and bytes of their codes. */
const BLOCKS: Readonly<Record<QuantizedFormat, { readonly values: number; readonly codeBytes: number }>> = {
  q8_0: { values: 32, codeBytes: 32 },
  q4_0: { values: 32, codeBytes: 16 },
  nf4: { values: 64, codeBytes: 32 },
};

/** Every piece that is written starts at a multiple of it: whole words and whole quantisation blocks. */
export const PIECE_ELEMENTS = 64;

/** True if rows of `columns` values can be kept in a format. */
export function holdsRows(format: WeightFormat, columns: number): boolean {
  return !isQuantized(format) || columns % BLOCKS[format].values === 0;
}

/** Bytes of a matrix on the device. */
export function matrixBytes(format: WeightFormat, rows: number, columns: number): number {
  if (format === 'f32') return 4 * rows * columns;
  if (!isQuantized(format)) return 2 * rows * columns;
  const { values, codeBytes } = BLOCKS[format];
  return ((rows * columns) / values) * (codeBytes + scaleBytes(format));
}

/** A frozen matrix [rows, columns] that is filled piece by piece and cut into row blocks, each within a binding. */
export class FrozenMatrix {
  readonly format: WeightFormat;
  readonly rows: number;
  readonly columns: number;
  readonly blocks: MatrixBlocks;
  /** Rows of every block but the last. */
  readonly #blockRows: number;
  readonly #device: Device;

  /** Contents are undefined until they are written. */
  constructor(device: Device, format: WeightFormat, [rows, columns]: readonly [number, number], label: string) {
    this.format = format;
    this.rows = rows;
    this.columns = columns;
    this.#device = device;
    const limit = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
    const most = Math.floor(limit / matrixBytes(format, 1, columns));
    // Whole words of 16-bit values and scales; and columns of a result that begin where a binding may (`linear`).
    this.#blockRows = most >= 128 ? 128 * Math.floor(most / 128) : Math.max(2, 2 * Math.floor(most / 2));
    const blocks: (Tensor | QuantizedMatrix)[] = [];
    for (let first = 0; first < rows; first += this.#blockRows) {
      blocks.push(this.#emptyBlock(Math.min(this.#blockRows, rows - first), label));
    }
    this.blocks = blocks;
  }

  get bytes(): number {
    return matrixBytes(this.format, this.rows, this.columns);
  }

  /**
   * Writes values from element `start` of the flattened matrix on, a multiple of `PIECE_ELEMENTS`, rounding them to
   * the format. Nothing that reads the matrix may be waiting on the device. A Uint16Array is taken as the bits of
   * the matrix's own 16-bit format.
   */
  write(start: number, values: Float32Array | Uint16Array, name: string): void {
    const perBlock = this.#blockRows * this.columns;
    for (let done = 0; done < values.length; ) {
      const at = start + done;
      const block = this.blocks[Math.floor(at / perBlock)]!;
      const offset = at % perBlock;
      const count = Math.min(values.length - done, perBlock - offset);
      this.#writeBlock(block, offset, values.subarray(done, done + count), name);
      done += count;
    }
  }

  /** Values of rows first..first+count-1, widened to f32. */
  async read(first: number, count: number): Promise<Float32Array> {
    const out = new Float32Array(count * this.columns);
    for (let row = first; row < first + count; ) {
      const block = Math.floor(row / this.#blockRows);
      const within = row - block * this.#blockRows;
      const rows = Math.min(first + count - row, this.#blockRows - within);
      out.set(await this.#readBlock(this.blocks[block]!, within, rows), (row - first) * this.columns);
      row += rows;
    }
    return out;
  }

  dispose(): void {
    for (const block of this.blocks) {
      if (block instanceof Tensor) block.dispose();
      else {
        block.codes.dispose();
        block.scales.dispose();
      }
    }
  }

  #emptyBlock(rows: number, label: string): Tensor | QuantizedMatrix {
    const { format, columns } = this;
    const empty = (shape: readonly number[], dtype: 'f32' | 'f16' | 'bf16' | 'u32', part = ''): Tensor =>
      keep(Tensor.empty(this.#device, shape, dtype, `${label}${part}`));
    if (!isQuantized(format)) return empty([rows, columns], format);
    const { values, codeBytes } = BLOCKS[format];
    const blocks = (rows * columns) / values;
    return {
      format,
      rows,
      columns,
      codes: empty([(blocks * codeBytes) / 4], 'u32', '/codes'),
      scales: empty([blocks], format === 'nf4' ? 'f32' : 'f16', '/scales'),
    };
  }

  #writeBlock(block: Tensor | QuantizedMatrix, offset: number, values: Float32Array | Uint16Array, name: string): void {
    const device = this.#device;
    if (!(block instanceof Tensor)) {
      const { values: perScale, codeBytes } = BLOCKS[block.format];
      const { codes, scales } = quantizeBlocks(values as Float32Array, block.format);
      const first = offset / perScale;
      device.write(block.codes.storage, first * codeBytes, codes);
      device.write(block.scales.storage, first * scaleBytes(block.format), scales);
      return;
    }
    const bytes = offset * (block.dtype === 'f32' ? 4 : 2);
    if (block.dtype === 'f32' || values instanceof Uint16Array) {
      device.write(block.storage, bytes, values);
      return;
    }
    const bits = new Uint16Array(values.length);
    if (block.dtype === 'bf16') narrowBf16(values, bits);
    else {
      narrowF16(values, bits);
      const lost = firstOverflow(values, bits, 'f16');
      if (lost >= 0) {
        throw new ToolError('config', {
          op: name,
          expected: 'weights of at most 65504, as f16 holds them',
          got: String(values[lost]),
          hint: 'keep this model in bf16 or f32.',
        });
      }
    }
    device.write(block.storage, bytes, bits);
  }

  async #readBlock(block: Tensor | QuantizedMatrix, first: number, rows: number): Promise<Float32Array> {
    const part = async <T>(
      tensor: Tensor,
      from: number,
      count: number,
      fetch: (t: Tensor) => Promise<T>,
    ): Promise<T> => {
      const view = tensor.view([count], [1], from);
      try {
        return await fetch(view);
      } finally {
        view.dispose();
      }
    };
    const [from, count] = [first * this.columns, rows * this.columns];
    if (block instanceof Tensor) return (await part(block, from, count, read)) as Float32Array;
    const { values, codeBytes } = BLOCKS[block.format];
    const codes = (await part(
      block.codes,
      ((from / values) * codeBytes) / 4,
      ((count / values) * codeBytes) / 4,
      read,
    )) as Uint32Array;
    const scales = await part(block.scales, from / values, count / values, block.format === 'nf4' ? read : readBits);
    return dequantizeBlocks({ codes, scales: scales as Uint16Array | Float32Array }, block.format);
  }
}

function scaleBytes(format: QuantizedFormat): number {
  return format === 'nf4' ? 4 : 2;
}
