import { type DType, type HostArray, hostView } from '../dtype.ts';
import { type ErrorCode, ToolError } from '../errors.ts';
import { type AdapterClass, type AdapterDescription, describeAdapter, requestAdapter } from './adapter.ts';
import { BufferPool, type MemoryReport, type Storage } from './buffer-pool.ts';
import { type BufferBinding, CommandList, type DispatchRecord } from './command-list.ts';
import type { Kernel, Workgroups } from './kernel.ts';
import { PipelineCache } from './pipeline-cache.ts';
import { COPY_DST, COPY_SRC, MAP_MODE_READ, MAP_READ, QUERY_RESOLVE, UNIFORM } from './usage.ts';

// Timers exist in Node and in browsers, but in no library of types that both share.
declare function setTimeout(callback: () => void, ms: number): unknown;
declare const performance: { now(): number };
declare function clearTimeout(timer: unknown): void;

/** A device goes one way: ready, then poisoned (a value may be wrong), then lost. */
export type DeviceState = 'ready' | 'poisoned' | 'lost';

export interface DeviceOptions {
  /** Most bytes of GPU memory to take. Default: 16 GiB on a GPU; WebGPU has no way to ask what there is. */
  readonly budgetBytes?: number;
  /** Optional features not to use although the adapter has them, to test the fallbacks. */
  readonly without?: readonly string[];
  /** How long a readback may take before the device counts as hung. Default 120,000. */
  readonly timeoutMs?: number;
}

/** Exact counts since the device was opened; tests and benches take differences. */
export interface DeviceCounters {
  readonly dispatches: number;
  readonly submits: number;
  readonly passes: number;
  readonly buffersCreated: number;
  readonly bindGroupsCreated: number;
  readonly pipelines: number;
}

/** Time of one kernel on the device's own clock. */
export interface KernelTiming {
  readonly label: string;
  readonly microseconds: number;
}

const WANTED_FEATURES = ['timestamp-query', 'shader-f16', 'subgroups'] as const;
/** Recorded launches after which the list is submitted without being asked. */
const FULL_LIST = 2048;
const MAX_CACHED_BIND_GROUPS = 16384;

/**
 * A GPU: records launches, submits them in one pass, reads values back. Every value that reaches the
 * caller has passed the error scopes of the work that made it, since Dawn reports most failures only
 * there and would otherwise hand out zeros.
 */
export class Device {
  readonly adapter: AdapterDescription;
  readonly adapterClass: AdapterClass;
  readonly features: ReadonlySet<string>;
  readonly limits: GPUSupportedLimits;
  readonly pool: BufferPool;
  readonly #gpu: GPUDevice;
  readonly #pipelines: PipelineCache;
  readonly #commands: CommandList;
  readonly #bindGroups = new Map<string, GPUBindGroup>();
  readonly #timeoutMs: number;
  #uniform: GPUBuffer | undefined;
  #uniformBytes = 0;
  /** Error scopes that are open around work since the last wait. */
  #openScopes = 0;
  #scopeChecks: Promise<void> = Promise.resolve();
  /** How long work of a given number of launches took last time, in ms; see `#rest`. */
  readonly #waits = new Map<number, number>();
  #staging: GPUBuffer[] = [];
  #state: DeviceState = 'ready';
  #failure: ToolError | undefined;
  #lostNotice: Promise<never>;
  #counts = { dispatches: 0, submits: 0, passes: 0, bindGroups: 0 };
  #closing = false;

  private constructor(gpu: GPUDevice, adapter: AdapterDescription, options: DeviceOptions) {
    this.#gpu = gpu;
    this.adapter = adapter;
    this.adapterClass = adapter.isSoftware ? 'cpu' : 'gpu';
    this.features = new Set(gpu.features as unknown as Iterable<string>);
    this.limits = gpu.limits;
    this.#timeoutMs = options.timeoutMs ?? 120_000;
    this.pool = new BufferPool(
      gpu,
      options.budgetBytes ?? 16 * 2 ** 30,
      () => this.#bindGroups.clear(),
      () => this.#commands.epoch,
    );
    this.#pipelines = new PipelineCache(gpu, (error) => this.#poison(error));
    this.#commands = new CommandList(gpu.limits.minUniformBufferOffsetAlignment);
    gpu.addEventListener('uncapturederror', (event) => {
      this.#poison(deviceError(event.error.message));
    });
    this.#lostNotice = new Promise((_, reject) => {
      void gpu.lost.then((info) => {
        this.#lose(`a lost device (${info.reason}: ${info.message})`);
        reject(this.#failure);
      });
    });
    this.#lostNotice.catch(() => undefined);
  }

  /** Opens the preferred adapter of `gpu` with all its limits. Throws ToolError 'no-adapter'. */
  static async open(gpu: GPU, options: DeviceOptions = {}): Promise<Device> {
    const adapter = await requestAdapter(gpu);
    const excluded = new Set(options.without ?? []);
    const features = WANTED_FEATURES.filter((name) => adapter.features.has(name) && !excluded.has(name));
    const requiredLimits: Record<string, number> = {};
    for (const name in adapter.limits) {
      const value = (adapter.limits as unknown as Record<string, unknown>)[name];
      if (typeof value === 'number') requiredLimits[name] = value;
    }
    const description = describeAdapter(adapter);
    const device = await adapter.requestDevice({
      label: 'dawngrad',
      requiredFeatures: features as GPUFeatureName[],
      requiredLimits,
    });
    return new Device(device, description, options);
  }

  get state(): DeviceState {
    return this.#state;
  }

  get counters(): DeviceCounters {
    return {
      dispatches: this.#counts.dispatches,
      submits: this.#counts.submits,
      passes: this.#counts.passes,
      bindGroupsCreated: this.#counts.bindGroups,
      buffersCreated: this.pool.created,
      pipelines: this.#pipelines.size,
    };
  }

  get memory(): MemoryReport {
    return this.pool.report();
  }

  /** Records one launch. `bindings` and `params` stand in the order of the kernel's lists. */
  dispatch(
    kernel: Kernel,
    bindings: readonly BufferBinding[],
    params: readonly number[],
    workgroups: Workgroups,
  ): void {
    this.assertReady();
    if (bindings.length !== kernel.bindings.length || params.length !== kernel.params.length) {
      throw new ToolError('device', {
        op: kernel.label,
        expected: `${kernel.bindings.length} buffers and ${kernel.params.length} parameters`,
        got: `${bindings.length} and ${params.length}`,
      });
    }
    if (workgroups.some((count) => count > this.limits.maxComputeWorkgroupsPerDimension)) {
      throw new ToolError('limit', {
        op: kernel.label,
        expected: `at most ${this.limits.maxComputeWorkgroupsPerDimension} workgroups in a dimension`,
        got: workgroups.join('x'),
      });
    }
    if (workgroups.includes(0)) return;
    this.#commands.add(this.#pipelines.get(kernel), bindings, params, workgroups);
    this.#counts.dispatches++;
    if (this.#commands.records.length >= FULL_LIST && this.#pipelinesReady()) this.#submit(undefined);
  }

  /** Copies `data` into a fresh buffer that no waiting launch uses. */
  upload(data: HostArray, label: string): Storage {
    this.assertReady();
    const storage = this.pool.allocateForUpload(Math.max(4, data.byteLength), label);
    this.write(storage, 0, data);
    return storage;
  }

  /** Writes into a buffer that no waiting launch uses. `offset` in bytes. */
  write(storage: Storage, offset: number, data: HostArray): void {
    if (storage.epoch === this.#commands.epoch) {
      throw new ToolError('device', {
        op: storage.label,
        expected: 'a buffer without waiting launches',
        got: 'one that is in use',
        hint: 'flush first, or upload into a new buffer.',
      });
    }
    // writeBuffer takes whole words; an odd number of f16 values is padded.
    const whole = data.byteLength - (data.byteLength % 4);
    const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    // Dawn's Node binding refuses views of shared memory.
    const bytes = view.buffer instanceof ArrayBuffer ? (view as Uint8Array<ArrayBuffer>) : new Uint8Array(view);
    this.#gpu.queue.writeBuffer(storage.buffer, offset, bytes, 0, whole);
    if (whole < data.byteLength) {
      const tail = new Uint8Array(4);
      tail.set(bytes.subarray(whole));
      this.#gpu.queue.writeBuffer(storage.buffer, offset + whole, tail);
    }
  }

  /** Submits what is recorded: one pass, one submit. */
  async flush(): Promise<void> {
    if (!this.#pipelinesReady()) await this.#waitForPipelines();
    this.assertReady();
    if (this.#commands.records.length > 0) this.#submit(undefined);
  }

  /** Submits what is recorded and waits until the device has done it. */
  async finish(): Promise<void> {
    await this.flush();
    await this.#guarded(this.#gpu.queue.onSubmittedWorkDone(), 'finish');
    await this.#checkScopes();
  }

  /**
   * Reads ranges of buffers, after everything recorded before. Bytes; each range is copied once. What is
   * recorded while kernels still compile comes before the copy too: await it before writing in place.
   */
  async readBytes(ranges: readonly BufferBinding[]): Promise<ArrayBuffer[]> {
    if (!this.#pipelinesReady()) await this.#waitForPipelines();
    this.assertReady();
    const offsets: number[] = [];
    let total = 0;
    for (const range of ranges) {
      offsets.push(total);
      total += Math.ceil(range.size / 16) * 16;
    }
    if (total === 0) {
      await this.flush();
      return ranges.map(() => new ArrayBuffer(0));
    }
    const staging = this.#takeStaging(total);
    const launches = this.#commands.records.length;
    const started = performance.now();
    this.#submit((encoder) => {
      ranges.forEach((range, i) => {
        const size = Math.ceil(range.size / 4) * 4;
        if (size > 0) encoder.copyBufferToBuffer(range.storage.buffer, range.offset, staging, offsets[i]!, size);
      });
    });
    const rested = await this.#rest(launches);
    const woken = performance.now();
    await this.#guarded(staging.mapAsync(MAP_MODE_READ, 0, total), 'readback');
    // Who finds the work done at waking has overslept by an unknown time, and must not take that for the work's own.
    const hasOverslept = performance.now() - woken < 1 + 0.05 * rested;
    this.#waits.set(launches, rested > 0 && hasOverslept ? rested / 2 : performance.now() - started);
    await this.#checkScopes();
    const mapped = staging.getMappedRange(0, total);
    const out = ranges.map((range, i) => mapped.slice(offsets[i]!, offsets[i]! + range.size));
    staging.unmap();
    this.#staging.push(staging);
    return out;
  }

  /** Reads one range as elements of `dtype`. */
  async readElements(range: BufferBinding, dtype: DType): Promise<HostArray> {
    const [bytes] = await this.readBytes([range]);
    return hostView(dtype, bytes!);
  }

  /**
   * Runs what `record` records with a timestamp around every launch. The launches run in a pass each,
   * so the sum is a little more than the time of the normal single pass.
   */
  async profile(record: () => void): Promise<KernelTiming[]> {
    if (!this.features.has('timestamp-query')) {
      throw new ToolError('device', {
        op: 'profile',
        expected: 'an adapter with timestamp-query',
        got: this.adapter.description,
      });
    }
    await this.flush();
    record();
    await this.#waitForPipelines();
    this.assertReady();
    const count = this.#commands.records.length;
    const labels = this.#commands.records.map((r) => r.entry.kernel.label);
    const timings: KernelTiming[] = [];
    if (count === 0) return timings;
    const querySet = this.#gpu.createQuerySet({ type: 'timestamp', count: count * 2 });
    const resolve = this.#gpu.createBuffer({ size: count * 16, usage: QUERY_RESOLVE | COPY_SRC });
    const staging = this.#gpu.createBuffer({ size: count * 16, usage: MAP_READ | COPY_DST });
    this.#submit(
      (encoder) => {
        encoder.resolveQuerySet(querySet, 0, count * 2, resolve, 0);
        encoder.copyBufferToBuffer(resolve, 0, staging, 0, count * 16);
      },
      (index) => ({ querySet, beginningOfPassWriteIndex: index * 2, endOfPassWriteIndex: index * 2 + 1 }),
    );
    await this.#guarded(staging.mapAsync(MAP_MODE_READ), 'profile');
    await this.#checkScopes();
    const ticks = new BigUint64Array(staging.getMappedRange().slice(0));
    for (let i = 0; i < count; i++) {
      timings.push({ label: labels[i]!, microseconds: Number(ticks[2 * i + 1]! - ticks[2 * i]!) / 1000 });
    }
    querySet.destroy();
    resolve.destroy();
    staging.destroy();
    return timings;
  }

  /** Throws the first failure if the device is not ready: a value could not be trusted. */
  assertReady(): void {
    if (this.#state !== 'ready') throw this.#failure!;
  }

  /** Ends the device. Buffers and tensors of it are gone. */
  close(): void {
    this.#closing = true;
    this.#lose('a closed device');
    this.#gpu.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #lose(got: string): void {
    if (this.#state === 'lost') return;
    this.#state = 'lost';
    this.#failure = new ToolError('lost', {
      op: 'device',
      expected: 'a working device',
      got,
      hint: 'start again; a run continues from its last checkpoint with --resume.',
    });
  }

  #poison(error: ToolError): void {
    if (this.#state !== 'ready' || this.#closing) return;
    this.#state = 'poisoned';
    this.#failure = error;
  }

  #pipelinesReady(): boolean {
    return this.#commands.records.every((record) => record.entry.pipeline !== undefined);
  }

  async #waitForPipelines(): Promise<void> {
    while (this.#state === 'ready' && !this.#pipelinesReady()) {
      const waiting = this.#commands.records.filter((record) => record.entry.pipeline === undefined);
      await this.#guarded(Promise.all(waiting.map((record) => record.entry.ready)), 'compile');
    }
  }

  #submit(
    after: ((encoder: GPUCommandEncoder) => void) | undefined,
    timestamps?: (index: number) => GPUComputePassTimestampWrites,
  ): void {
    const device = this.#gpu;
    const { records, params } = this.#commands.take();
    device.pushErrorScope('internal');
    device.pushErrorScope('out-of-memory');
    device.pushErrorScope('validation');
    if (params.byteLength > 0) this.#writeUniform(params);
    const encoder = device.createCommandEncoder({ label: 'dawngrad' });
    if (timestamps) {
      records.forEach((record, i) => {
        this.#encode(encoder, [record], timestamps(i));
      });
    } else if (records.length > 0) {
      this.#encode(encoder, records, undefined);
    }
    after?.(encoder);
    device.queue.submit([encoder.finish()]);
    this.#counts.submits++;
    this.#openScopes += 3;
  }

  #encode(
    encoder: GPUCommandEncoder,
    records: readonly DispatchRecord[],
    timestampWrites: GPUComputePassTimestampWrites | undefined,
  ): void {
    const pass = encoder.beginComputePass(timestampWrites ? { timestampWrites } : undefined);
    this.#counts.passes++;
    let current = -1;
    for (const record of records) {
      if (record.entry.id !== current) {
        pass.setPipeline(record.entry.pipeline!);
        current = record.entry.id;
      }
      pass.setBindGroup(0, this.#bindGroup(record), record.entry.paramBytes > 0 ? [record.paramOffset] : []);
      pass.dispatchWorkgroups(...record.workgroups);
    }
    pass.end();
  }

  #writeUniform(params: Uint8Array<ArrayBuffer>): void {
    if (params.byteLength > this.#uniformBytes) {
      this.#uniform?.destroy();
      this.#uniformBytes = Math.max(64 * 1024, 2 ** Math.ceil(Math.log2(params.byteLength)));
      this.#uniform = this.#gpu.createBuffer({
        label: 'tensor/params',
        size: this.#uniformBytes,
        usage: UNIFORM | COPY_DST,
      });
      this.#bindGroups.clear();
    }
    this.#gpu.queue.writeBuffer(this.#uniform!, 0, params);
  }

  #bindGroup(record: DispatchRecord): GPUBindGroup {
    let key = `${record.entry.id}`;
    for (const binding of record.bindings) key += `|${binding.storage.id}:${binding.offset}:${binding.size}`;
    const found = this.#bindGroups.get(key);
    if (found !== undefined) return found;
    const entries: GPUBindGroupEntry[] = record.bindings.map((binding, i) => ({
      binding: i + 1,
      resource: { buffer: binding.storage.buffer, offset: binding.offset, size: binding.size },
    }));
    if (record.entry.paramBytes > 0) {
      entries.unshift({ binding: 0, resource: { buffer: this.#uniform!, offset: 0, size: record.entry.paramBytes } });
    }
    if (this.#bindGroups.size >= MAX_CACHED_BIND_GROUPS) this.#bindGroups.clear();
    const created = this.#gpu.createBindGroup({
      label: record.entry.kernel.label,
      layout: record.entry.layout,
      entries,
    });
    this.#counts.bindGroups++;
    this.#bindGroups.set(key, created);
    return created;
  }

  #takeStaging(bytes: number): GPUBuffer {
    const index = this.#staging.findIndex((buffer) => buffer.size >= bytes);
    if (index >= 0) return this.#staging.splice(index, 1)[0]!;
    this.#staging.pop()?.destroy();
    const size = Math.max(4096, 2 ** Math.ceil(Math.log2(bytes)));
    return this.#gpu.createBuffer({ label: 'tensor/readback', size, usage: MAP_READ | COPY_DST });
  }

  /**
   * Sleeps through most of the time that this much work took before. While a promise of Dawn is pending,
   * its Node binding polls without pause, which on a software adapter takes a core from the work itself.
   * Returns the time slept in ms.
   */
  async #rest(launches: number): Promise<number> {
    const pause = 0.9 * (this.#waits.get(launches) ?? 0) - 1;
    if (this.adapterClass !== 'cpu' || pause < 2) return 0;
    await new Promise<void>((wake) => setTimeout(wake, pause));
    return pause;
  }

  /** Waits for the error scopes of all submits so far, those that another readback asks for included. */
  async #checkScopes(): Promise<void> {
    const scopes: Promise<GPUError | null>[] = [];
    for (; this.#openScopes > 0; this.#openScopes--) scopes.push(this.#gpu.popErrorScope());
    const earlier = this.#scopeChecks;
    this.#scopeChecks = Promise.all([earlier, ...scopes]).then(([, ...errors]) => {
      for (const error of errors)
        if (error) this.#poison(deviceError(error.message, isOutOfMemory(error) ? 'limit' : 'device'));
    });
    await this.#guarded(this.#scopeChecks, 'error scopes');
    this.assertReady();
  }

  /** Waits for the device, but neither for ever nor past its loss. */
  async #guarded<T>(work: Promise<T>, what: string): Promise<T> {
    let timer: unknown;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new ToolError('lost', {
          op: what,
          expected: `an answer of the device within ${this.#timeoutMs / 1000} s`,
          got: 'none',
          hint: 'the driver hangs or is much too slow for this work; lower the micro-batch.',
        });
        this.#poison(error);
        reject(error);
      }, this.#timeoutMs);
    });
    try {
      return await Promise.race([work, timeout, this.#lostNotice]);
    } catch (cause) {
      if (this.#failure) throw this.#failure;
      throw deviceError(cause instanceof Error ? cause.message : String(cause));
    } finally {
      clearTimeout(timer);
    }
  }
}

function isOutOfMemory(error: GPUError): boolean {
  return error.constructor.name === 'GPUOutOfMemoryError';
}

function deviceError(message: string, code: ErrorCode = 'device'): ToolError {
  return new ToolError(code, {
    op: 'device',
    expected: 'work without errors',
    got: message.split('\n').slice(0, 4).join(' '),
    hint: 'this is a bug of a kernel or of the driver; `dawngrad doctor` checks the adapter.',
  });
}
