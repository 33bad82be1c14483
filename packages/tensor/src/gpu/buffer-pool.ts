import { ToolError } from '../errors.ts';
import { outermostScope } from '../scope.ts';
import { describeRemedies, isArena, type MemoryShortage } from './memory-remedies.ts';
import { formatMib, type MemoryOwner, type MemoryReport } from './memory-report.ts';
import { COPY_DST, COPY_SRC, STORAGE } from './usage.ts';

/** A GPU buffer and the number of tensor handles that live in it. */
export class Storage {
  readonly id: number;
  readonly #buffer: GPUBuffer | undefined;
  readonly bytes: number;
  label: string;
  references = 1;
  /** The command-list epoch whose commands use this buffer; see `BufferPool.allocateForUpload`. */
  epoch = -1;
  /** The outermost scope that was open when the buffer was handed out. */
  scope: object | undefined;

  /** Without a buffer, the storage stands for one that a compiled step will have. */
  constructor(id: number, buffer: GPUBuffer | undefined, bytes: number, label: string) {
    this.id = id;
    this.#buffer = buffer;
    this.bytes = bytes;
    this.label = label;
  }

  get isVirtual(): boolean {
    return this.#buffer === undefined;
  }

  get buffer(): GPUBuffer {
    if (this.#buffer !== undefined) return this.#buffer;
    throw new ToolError('device', {
      op: this.label,
      expected: 'a tensor with a buffer',
      got: 'one that was made while a step was being compiled',
      hint: 'return it from the compiled function, and use what the compiled step returns.',
    });
  }
}

/** Bytes of the buffer that an allocation gets: rounded up so that at most an eighth is wasted and few sizes exist. */
export function pooledBytes(bytes: number): number {
  if (bytes <= 256) return 256;
  const step = Math.max(256, 2 ** (Math.floor(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}

/** The largest size of `pooledBytes` that is at most `bytes`. */
export function largestPooled(bytes: number): number {
  const step = Math.max(256, 2 ** (Math.floor(Math.log2(bytes)) - 3));
  return Math.floor(bytes / step) * step;
}

/**
 * Owns every storage buffer: reuses freed ones last-in first-out by size class (so that a repeated
 * step meets the same buffers and bind groups), keeps the ledger and enforces the budget. WebGPU
 * itself accepts allocations that cannot exist, so the ledger is the only truth about memory.
 */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #maxBindingBytes: number;
  readonly #free = new Map<number, Storage[]>();
  readonly #live = new Set<Storage>();
  readonly #onDestroy: () => void;
  readonly #currentEpoch: () => number;
  #nextId = 1;
  #liveBytes = 0;
  #reservedBytes = 0;
  #peakLive = 0;
  #peakReserved = 0;
  #largest = 0;
  #largestLabel = '';
  readonly budgetBytes: number;
  /** Buffers created so far. */
  created = 0;
  /** While set, allocations stand for buffers of a plan and are not taken from the pool. */
  isVirtual = false;
  /** While set, the report tells who owned the bytes at the peak; costs a look at all live buffers now and then. */
  tracksPeak = false;
  #peakOwners: readonly MemoryOwner[] | undefined;
  /** The peak has been reached and nothing was given back since. */
  #isAtPeak = true;

  /** `currentEpoch` tells the epoch of the command list that records now. */
  constructor(device: GPUDevice, budgetBytes: number, onDestroy: () => void, currentEpoch: () => number) {
    this.#device = device;
    this.#maxBindingBytes = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
    this.#onDestroy = onDestroy;
    this.#currentEpoch = currentEpoch;
    this.budgetBytes = budgetBytes;
  }

  /**
   * A buffer of at least `bytes`, a freed one of its size class if there is one, with one reference; its contents are unspecified.
   * Throws ToolError 'limit' for more than one binding may have, and over the budget.
   */
  allocate(bytes: number, label: string): Storage {
    const size = this.#checkedSize(bytes, label);
    if (this.isVirtual) return this.allocateVirtual(bytes, label);
    const free = this.#free.get(size);
    return this.#adopt(free?.pop() ?? this.#create(size, label), label);
  }

  /** Several buffers, or none where one of them is refused; see `allocate`. */
  allocateAll(requests: readonly { readonly bytes: number; readonly label: string }[]): Storage[] {
    const storages: Storage[] = [];
    try {
      for (const { bytes, label } of requests) storages.push(this.allocate(bytes, label));
    } catch (error) {
      for (const storage of storages) this.release(storage);
      throw error;
    }
    return storages;
  }

  /** Stands for a buffer that a compiled step will have. */
  allocateVirtual(bytes: number, label: string): Storage {
    return new Storage(this.#nextId++, undefined, Math.ceil(bytes / 256) * 256, label);
  }

  /**
   * A buffer that no unsubmitted command refers to. `queue.writeBuffer` takes effect before commands
   * that are recorded but not yet submitted, so writing into a buffer that they use would corrupt them.
   */
  allocateForUpload(bytes: number, label: string): Storage {
    const size = this.#checkedSize(bytes, label);
    const free = this.#free.get(size) ?? [];
    for (let i = free.length - 1; i >= 0; i--) {
      const candidate = free[i]!;
      if (candidate.epoch === this.#currentEpoch()) continue;
      free.splice(i, 1);
      return this.#adopt(candidate, label);
    }
    return this.#adopt(this.#create(size, label), label);
  }

  /** Adds a reference. */
  retain(storage: Storage): void {
    storage.references++;
  }

  /** Takes a reference away; with the last one the buffer is free for others. */
  release(storage: Storage): void {
    storage.references--;
    if (storage.references > 0 || storage.isVirtual) return;
    this.#notePeak();
    this.#live.delete(storage);
    this.#liveBytes -= storage.bytes;
    const free = this.#free.get(storage.bytes);
    if (free) free.push(storage);
    else this.#free.set(storage.bytes, [storage]);
  }

  /** Destroys the free buffers, except those that recorded commands still wait to use. */
  trim(): void {
    for (const [size, list] of this.#free) {
      const waiting = list.filter((storage) => storage.epoch === this.#currentEpoch());
      for (const storage of list) {
        if (storage.epoch === this.#currentEpoch()) continue;
        storage.buffer.destroy();
        this.#reservedBytes -= storage.bytes;
      }
      if (waiting.length > 0) this.#free.set(size, waiting);
      else this.#free.delete(size);
    }
    this.#onDestroy();
  }

  /** Starts the peaks and the largest allocation anew, from what is live now. */
  resetPeak(): void {
    this.#peakLive = this.#liveBytes;
    this.#peakReserved = this.#reservedBytes;
    this.#largest = 0;
    this.#largestLabel = '';
    this.#peakOwners = undefined;
    this.#isAtPeak = true;
  }

  /** The ledger at this moment; `formatMemory` prints it. */
  report(): MemoryReport {
    return {
      liveBytes: this.#liveBytes,
      liveBuffers: this.#live.size,
      peakLiveBytes: this.#peakLive,
      reservedBytes: this.#reservedBytes,
      peakReservedBytes: this.#peakReserved,
      largestBytes: this.#largest,
      largestLabel: this.#largestLabel,
      budgetBytes: this.budgetBytes,
      owners: this.byLabel(),
      peakOwners: this.#isAtPeak ? this.byLabel() : this.#peakOwners,
    };
  }

  /** Live bytes by label, largest first. */
  byLabel(): MemoryOwner[] {
    const rows = new Map<string, { label: string; bytes: number; count: number }>();
    for (const storage of this.#live) {
      const row = rows.get(storage.label) ?? { label: storage.label, bytes: 0, count: 0 };
      row.bytes += storage.bytes;
      row.count++;
      rows.set(storage.label, row);
    }
    return [...rows.values()].sort((a, b) => b.bytes - a.bytes);
  }

  /** To be called before anything is given back. */
  #notePeak(): void {
    if (!this.#isAtPeak) return;
    this.#isAtPeak = false;
    this.#peakOwners = this.tracksPeak ? this.byLabel() : undefined;
  }

  #checkedSize(bytes: number, label: string): number {
    if (bytes > this.#maxBindingBytes) {
      throw new ToolError('limit', {
        op: label,
        expected: `at most ${this.#maxBindingBytes} bytes in one binding (this adapter's limit)`,
        got: `${bytes} bytes`,
        hint: 'use a smaller micro-batch or shorter sequences, or split the tensor.',
      });
    }
    return pooledBytes(bytes);
  }

  #create(size: number, label: string): Storage {
    // Free buffers of other sizes are given up before the budget refuses anything.
    if (this.#reservedBytes + size > this.budgetBytes) this.trim();
    if (this.#reservedBytes + size > this.budgetBytes) throw this.#overBudget(size, label);
    const buffer = this.#device.createBuffer({ label, size, usage: STORAGE | COPY_SRC | COPY_DST });
    this.created++;
    this.#reservedBytes += size;
    this.#peakReserved = Math.max(this.#peakReserved, this.#reservedBytes);
    return new Storage(this.#nextId++, buffer, size, label);
  }

  #overBudget(size: number, label: string): ToolError {
    const shortage = this.#shortage(size, label);
    const top = shortage.owners
      .slice(0, 3)
      .map((row) => `${row.label} ${formatMib(row.bytes)}`)
      .join(', ');
    return new ToolError('limit', {
      op: label,
      expected: `at most ${formatMib(this.budgetBytes)} of GPU memory (the budget)`,
      got: `${formatMib(this.#reservedBytes + size)}; largest owners: ${top || 'none'}`,
      hint: describeRemedies(shortage),
    });
  }

  /** Called after `trim`: what is still free waits for a submit. */
  #shortage(size: number, label: string): MemoryShortage {
    const scope = outermostScope();
    let scopeBytes = 0;
    for (const storage of this.#live) {
      if (storage.scope === scope && !isArena(storage.label)) scopeBytes += storage.bytes;
    }
    return {
      requestedBytes: size,
      label,
      shortBytes: this.#reservedBytes + size - this.budgetBytes,
      waitingBytes: this.#reservedBytes - this.#liveBytes,
      scopeBytes: scope === undefined ? undefined : scopeBytes,
      owners: this.byLabel(),
    };
  }

  #adopt(storage: Storage, label: string): Storage {
    storage.references = 1;
    storage.label = label;
    storage.scope = outermostScope();
    this.#live.add(storage);
    this.#liveBytes += storage.bytes;
    if (this.#liveBytes > this.#peakLive) {
      this.#peakLive = this.#liveBytes;
      this.#isAtPeak = true;
    }
    if (storage.bytes > this.#largest) {
      this.#largest = storage.bytes;
      this.#largestLabel = label;
    }
    return storage;
  }
}
