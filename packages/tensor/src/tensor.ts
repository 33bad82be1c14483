import { bytesPerElement, type DType, encodeBf16, encodeF16, type HostArray } from './dtype.ts';
import { ToolError } from './errors.ts';
import type { Storage } from './gpu/buffer-pool.ts';
import type { BufferBinding } from './gpu/command-list.ts';
import type { Device } from './gpu/device.ts';
import { adopt } from './scope.ts';
import { contiguousStrides, formatShape, isContiguous, type Shape, sizeOf } from './shape.ts';

/** WebGPU's guaranteed alignment of storage binding offsets, in bytes. */
const BINDING_ALIGNMENT = 256;

let nextId = 1;

/**
 * A view of a GPU buffer: shape, strides and offset in elements. A handle holds no values on the host;
 * `read` fetches them. Handles made inside a `scope` end with it; others live until `dispose`.
 */
export class Tensor {
  readonly id: number;
  readonly device: Device;
  readonly storage: Storage;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly strides: readonly number[];
  /** First element of the view within the storage, in elements. */
  readonly offset: number;
  readonly size: number;
  #disposed = false;

  /** Takes over one reference to `storage`. */
  constructor(device: Device, storage: Storage, dtype: DType, shape: Shape, strides?: readonly number[], offset = 0) {
    this.id = nextId++;
    this.device = device;
    this.storage = storage;
    this.dtype = dtype;
    this.shape = shape;
    this.strides = strides ?? contiguousStrides(shape);
    this.offset = offset;
    this.size = sizeOf(shape);
    adopt(this);
  }

  /** A new tensor with unspecified contents. */
  static empty(device: Device, shape: Shape, dtype: DType, label: string): Tensor {
    const bytes = Math.max(4, sizeOf(shape) * bytesPerElement(dtype));
    return new Tensor(device, device.pool.allocate(bytes, label), dtype, shape);
  }

  /**
   * Copies host values to the device; `data.length` must equal the size of `shape`. Numbers are rounded to the
   * nearest even for 16-bit floats; for bool all but 0 is true. A Uint16Array is taken as the bits of 16-bit
   * floats. Throws ToolError 'shape' for another number of values or an array of another type.
   */
  static from(
    device: Device,
    data: HostArray | readonly number[],
    shape: Shape,
    dtype: DType = 'f32',
    label = 'tensor/from',
  ): Tensor {
    if (data.length !== sizeOf(shape)) {
      throw new ToolError('shape', {
        op: label,
        expected: `${sizeOf(shape)} values for shape ${formatShape(shape)}`,
        got: `${data.length}`,
      });
    }
    return new Tensor(device, device.upload(toHostArray(data, dtype, label), label), dtype, shape);
  }

  get rank(): number {
    return this.shape.length;
  }

  get isContiguous(): boolean {
    return isContiguous(this.shape, this.strides);
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  /** Another handle on the same buffer with its own shape and strides. Not recorded by autograd. */
  view(shape: Shape, strides: readonly number[], offset: number): Tensor {
    this.assertLive();
    this.device.pool.retain(this.storage);
    return new Tensor(this.device, this.storage, this.dtype, shape, strides, offset);
  }

  /** True if a kernel can bind the view as a plain array, without a copy. */
  get isBindable(): boolean {
    return this.isContiguous && (this.offset * bytesPerElement(this.dtype)) % BINDING_ALIGNMENT === 0;
  }

  /** The buffer range of a contiguous, aligned view. */
  binding(): BufferBinding {
    this.assertLive();
    // An empty view may stand at the very end of its buffer, where nothing could be bound.
    const offset = this.size === 0 ? 0 : this.offset * bytesPerElement(this.dtype);
    const bytes = Math.max(4, this.size * bytesPerElement(this.dtype));
    // Whole vec4s, so that kernels may bind array<vec4<f32>>; the pool rounds buffers up to 256 bytes.
    return { storage: this.storage, offset, size: Math.min(Math.ceil(bytes / 16) * 16, this.storage.bytes - offset) };
  }

  /** The whole buffer, for kernels that address through strides and an offset of their own. */
  wholeBinding(): BufferBinding {
    this.assertLive();
    return { storage: this.storage, offset: 0, size: this.storage.bytes };
  }

  /** Throws ToolError 'device', as `op`, if the handle was disposed: its buffer may belong to another tensor by now. */
  assertLive(op = 'tensor'): void {
    if (this.#disposed) {
      throw new ToolError('device', {
        op,
        expected: 'a live tensor',
        got: `one of shape ${formatShape(this.shape)} that was disposed`,
        hint: 'return it from its scope, or keep it with `keep`.',
      });
    }
  }

  /** Gives the buffer back to the pool once no other handle uses it. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.device.pool.release(this.storage);
  }

  /** Disposes of the tensor at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Host arrays that hold values of each type; a Uint16Array holds the bits of 16-bit floats. */
const ACCEPTED: Readonly<Record<DType, readonly (new (length: number) => HostArray)[]>> = {
  f32: [Float32Array],
  f16: [Float32Array, Uint16Array],
  bf16: [Float32Array, Uint16Array],
  i32: [Int32Array],
  u32: [Uint32Array],
  bool: [Uint8Array, Uint32Array],
};

/** The values as they are stored: bits of 16-bit floats, a word a bool. Throws ToolError 'shape' for another array. */
export function toHostArray(data: HostArray | readonly number[], dtype: DType, label: string): HostArray {
  if (ArrayBuffer.isView(data)) {
    const accepted = ACCEPTED[dtype];
    if (!accepted.some((type) => data.constructor === type)) {
      // The bits would be taken for values of another type.
      throw new ToolError('shape', {
        op: label,
        expected: `a ${accepted.map(({ name }) => name).join(' or ')} for ${dtype}`,
        got: data.constructor.name,
      });
    }
    if (data instanceof Uint16Array || (dtype !== 'f16' && dtype !== 'bf16' && dtype !== 'bool')) return data;
  }
  switch (dtype) {
    case 'f32':
      return new Float32Array(data);
    case 'i32':
      return new Int32Array(data);
    case 'u32':
      return new Uint32Array(data);
    case 'bool':
      return Uint32Array.from(data, (value) => (value === 0 ? 0 : 1));
    case 'f16':
      return Uint16Array.from(data, encodeF16);
    case 'bf16':
      return Uint16Array.from(data, encodeBf16);
  }
}
