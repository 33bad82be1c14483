/** What one library asked of WebGPU since `reset`. */
export interface GpuCounts {
  dispatches: number;
  passes: number;
  submits: number;
  pipelines: number;
  buffers: number;
  bindGroups: number;
}

/** Bytes of buffers that were created and not destroyed; what a library keeps for reuse counts. */
interface GpuMemory {
  live: number;
  peak: number;
}

const NOTHING: Readonly<GpuCounts> = { dispatches: 0, passes: 0, submits: 0, pipelines: 0, buffers: 0, bindGroups: 0 };

/**
 * Counts WebGPU calls of every library in the process, whoever wrote the wrapper: it wraps the methods of
 * Dawn's classes. Buffers belong to the library that was at work when they were created.
 */
export class GpuCounter {
  counts: GpuCounts = { ...NOTHING };
  readonly #memory = new Map<string, GpuMemory>();
  readonly #buffers = new WeakMap<GPUBuffer, { readonly owner: string; readonly bytes: number }>();
  #owner = '';

  constructor() {
    const count = (name: keyof GpuCounts) => () => {
      this.counts[name]++;
    };
    before(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', count('dispatches'));
    before(GPUComputePassEncoder.prototype, 'dispatchWorkgroupsIndirect', count('dispatches'));
    before(GPUCommandEncoder.prototype, 'beginComputePass', count('passes'));
    before(GPUQueue.prototype, 'submit', count('submits'));
    before(GPUDevice.prototype, 'createComputePipeline', count('pipelines'));
    before(GPUDevice.prototype, 'createComputePipelineAsync', count('pipelines'));
    before(GPUDevice.prototype, 'createBindGroup', count('bindGroups'));
    // A device takes its buffers with it.
    before(GPUDevice.prototype, 'destroy', () => {
      this.#of(this.#owner).live = 0;
    });
    const create = GPUDevice.prototype.createBuffer;
    const created = (buffer: GPUBuffer, bytes: number): void => this.#created(buffer, bytes);
    GPUDevice.prototype.createBuffer = function (descriptor) {
      const buffer = create.call(this, descriptor);
      created(buffer, descriptor.size);
      return buffer;
    };
    const destroyed = (buffer: GPUBuffer): void => this.#destroyed(buffer);
    const destroy = GPUBuffer.prototype.destroy;
    GPUBuffer.prototype.destroy = function () {
      destroyed(this);
      return destroy.call(this);
    };
  }

  /** Starts to count for `owner` from nothing; its memory goes on from what it holds. */
  begin(owner: string): void {
    this.#owner = owner;
    this.counts = { ...NOTHING };
  }

  /** Most bytes that `owner` held at once since `resetPeak`. */
  peakBytes(owner: string): number {
    return this.#of(owner).peak;
  }

  resetPeak(owner: string): void {
    const memory = this.#of(owner);
    memory.peak = memory.live;
  }

  #of(owner: string): GpuMemory {
    const found = this.#memory.get(owner) ?? { live: 0, peak: 0 };
    this.#memory.set(owner, found);
    return found;
  }

  #created(buffer: GPUBuffer, bytes: number): void {
    this.counts.buffers++;
    this.#buffers.set(buffer, { owner: this.#owner, bytes });
    const memory = this.#of(this.#owner);
    memory.live += bytes;
    memory.peak = Math.max(memory.peak, memory.live);
  }

  #destroyed(buffer: GPUBuffer): void {
    const known = this.#buffers.get(buffer);
    if (known === undefined) return;
    this.#buffers.delete(buffer);
    this.#of(known.owner).live -= known.bytes;
  }
}

/** Calls `hook` before a method of a prototype. */
function before<T extends object>(prototype: T, name: keyof T & string, hook: () => void): void {
  const original = prototype[name] as (...parameters: unknown[]) => unknown;
  Object.defineProperty(prototype, name, {
    configurable: true,
    writable: true,
    value: function (this: T, ...parameters: unknown[]) {
      hook();
      return original.apply(this, parameters);
    },
  });
}
