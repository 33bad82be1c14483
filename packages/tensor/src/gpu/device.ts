import { type DType, type HostArray, hostView } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import type { FusionInfo } from '../plan/fusion-info.ts';
import type { Plan } from '../plan/plan.ts';
import type { ScalarLike } from '../scalar.ts';
import { type AdapterClass, type AdapterDescription, describeAdapter, requestAdapter } from './adapter.ts';
import { BufferPool, type Storage } from './buffer-pool.ts';
import { CommandEncoder, type SubmitExtras } from './command-encoder.ts';
import { type BufferBinding, CommandList, type DispatchRecord } from './command-list.ts';
import { DeviceHealth, type DeviceState } from './device-health.ts';
import type { Kernel, Workgroups } from './kernel.ts';
import type { LaunchRecorder } from './launch-recorder.ts';
import type { MemoryReport } from './memory-report.ts';
import { PipelineCache, type PipelineEntry } from './pipeline-cache.ts';
import { ReadbackPause } from './readback-pause.ts';
import { SUBGROUP_MATRIX, type SubgroupMatrixConfig, subgroupMatrixConfigs } from './subgroup-matrix.ts';
import { type KernelTiming, MAX_TIMED_LAUNCHES, TimestampSet } from './timestamp-set.ts';
import { COPY_DST, MAP_MODE_READ, MAP_READ, UNIFORM } from './usage.ts';
import { WorkAllowance } from './work-allowance.ts';

/** How a device is opened. */
export interface DeviceOptions {
  /** Most bytes of GPU memory to take. Default: 16 GiB on a GPU; WebGPU has no way to ask what there is. */
  readonly budgetBytes?: number;
  /** Optional features not to use although the adapter has them, to test the fallbacks. */
  readonly without?: readonly string[];
  /** Lower limits than the adapter's, kept by the engine, to test what happens at them. */
  readonly limits?: Readonly<Partial<Record<string, number>>>;
  /**
   * How long a readback may take before the device counts as hung, beyond what the work before it takes at a rate that
   * no working device is below. Default 120,000.
   */
  readonly timeoutMs?: number;
  /** Called with every plan that `compile` makes. */
  readonly onPlan?: (plan: Plan) => void;
}

/** Exact counts since the device was opened; tests and benches take differences. */
export interface DeviceCounters {
  readonly dispatches: number;
  readonly submits: number;
  readonly passes: number;
  readonly buffersCreated: number;
  readonly bindGroupsCreated: number;
  readonly pipelines: number;
  /** Floating-point operations of the launches that tell theirs: those of matmuls, attention and the fused losses. */
  readonly flops: number;
}

/** Optional features that the engine uses where an adapter has them. */
export const WANTED_FEATURES = ['timestamp-query', 'shader-f16', 'subgroups', SUBGROUP_MATRIX] as const;
/** Recorded launches after which the list is submitted without being asked. */
const FULL_LIST = 2048;

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
  /** Products of subgroup matrices that kernels may use; none unless the experimental feature is there. */
  readonly subgroupMatrices: readonly SubgroupMatrixConfig[];
  readonly pool: BufferPool;
  /** Is called with every plan that `compile` makes. */
  readonly onPlan: ((plan: Plan) => void) | undefined;
  readonly #gpu: GPUDevice;
  readonly #health: DeviceHealth;
  readonly #pipelines: PipelineCache;
  readonly #commands: CommandList;
  readonly #encoder: CommandEncoder;
  readonly #pause: ReadbackPause;
  readonly #allowance: WorkAllowance;
  #staging: GPUBuffer[] = [];
  #dispatches = 0;
  #isProfiling = false;
  #recorder: LaunchRecorder | undefined;
  #retired: GPUBuffer[] = [];
  /** Waits for the times of the next submit. */
  #timing: ((timings: Promise<KernelTiming[]>) => void) | undefined;

  private constructor(
    gpu: GPUDevice,
    adapter: AdapterDescription,
    subgroupMatrices: readonly SubgroupMatrixConfig[],
    options: DeviceOptions,
  ) {
    this.#gpu = gpu;
    this.adapter = adapter;
    this.adapterClass = adapter.isSoftware ? 'cpu' : 'gpu';
    this.features = new Set(gpu.features as unknown as Iterable<string>);
    this.limits = lowered(gpu.limits, options.limits ?? {});
    this.subgroupMatrices = subgroupMatrices;
    this.onPlan = options.onPlan;
    this.#health = new DeviceHealth(gpu, options.timeoutMs ?? 120_000);
    this.#encoder = new CommandEncoder(gpu);
    this.#pause = new ReadbackPause(this.adapterClass);
    this.#allowance = new WorkAllowance(this.adapterClass);
    this.#commands = new CommandList(gpu.limits.minUniformBufferOffsetAlignment);
    this.#pipelines = new PipelineCache(gpu, (error) => this.#health.poison(error));
    this.pool = new BufferPool(
      gpu,
      options.budgetBytes ?? 16 * 2 ** 30,
      () => this.#encoder.forgetBindGroups(),
      () => this.#commands.epoch,
    );
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
    return new Device(device, description, await subgroupMatrixConfigs(adapter, device), options);
  }

  get state(): DeviceState {
    return this.#health.state;
  }

  get counters(): DeviceCounters {
    const { submits, passes, bindGroups } = this.#encoder.counts;
    return {
      dispatches: this.#dispatches,
      submits,
      passes,
      bindGroupsCreated: bindGroups,
      buffersCreated: this.pool.created,
      pipelines: this.#pipelines.size,
      flops: this.#allowance.totalFlops,
    };
  }

  get memory(): MemoryReport {
    return this.pool.report();
  }

  /**
   * Records one launch. `bindings` and `params` stand in the order of the kernel's lists; `info` tells the
   * step compiler what it may do with the launch.
   */
  dispatch(
    kernel: Kernel,
    bindings: readonly BufferBinding[],
    params: readonly ScalarLike[],
    workgroups: Workgroups,
    info?: FusionInfo,
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
    kernel.bindings.forEach(({ access }, i) => {
      if (access === 'read') return;
      const { storage } = bindings[i]!;
      // WebGPU takes a buffer as read-only or as writable within a launch, not as both.
      if (bindings.some((other, j) => other.storage === storage && kernel.bindings[j]!.access === 'read')) {
        throw new ToolError('device', {
          op: kernel.label,
          expected: 'inputs in other buffers than the outputs',
          got: `${kernel.bindings[i]!.name} in a buffer that is read too (${storage.label})`,
        });
      }
    });
    if (workgroups.includes(0)) return;
    if (this.#recorder !== undefined) {
      this.#recorder.onLaunch({ kernel, bindings, params, workgroups, info });
      return;
    }
    this.#commands.add(this.#pipelines.get(kernel), bindings, params, workgroups, info);
    if (info !== undefined) this.#allowance.add(info);
    this.#dispatches++;
    this.#submitIfFull();
  }

  /** Runs `body` with its launches, uploads and allocations going to `recorder` instead of the device. */
  recordWith<T>(recorder: LaunchRecorder, body: () => T): T {
    this.#assertNotRecording('compile');
    this.#recorder = recorder;
    this.pool.isVirtual = true;
    try {
      return body();
    } finally {
      this.#recorder = undefined;
      this.pool.isVirtual = false;
    }
  }

  /** True while a step is recorded for compilation. */
  get isRecording(): boolean {
    return this.#recorder !== undefined;
  }

  /**
   * Does `effect` now, and once more before each replay of the step that is being compiled, if one is: for
   * host state that belongs to a step, such as its counter.
   */
  hostEffect(effect: () => void): void {
    effect();
    this.#recorder?.onHostEffect(effect);
  }

  /** The pipeline of a kernel, compiled or on its way. */
  pipeline(kernel: Kernel): PipelineEntry {
    return this.#pipelines.get(kernel);
  }

  /** Compiles a kernel that this adapter may not take; the error is returned and does not end the device. */
  async probe(kernel: Kernel): Promise<ToolError | undefined> {
    return this.#health.guarded(this.#pipelines.probe(kernel), 'compile');
  }

  /** Creates a bind group for planned launches; `uniform` holds their parameters. */
  createBindGroup(
    entry: PipelineEntry,
    bindings: readonly BufferBinding[],
    uniform: GPUBuffer | undefined,
  ): GPUBindGroup {
    return this.#encoder.createBindGroup(entry, bindings, uniform);
  }

  /** A uniform buffer that its maker owns, for the parameters of planned launches. */
  createUniform(bytes: number): GPUBuffer {
    return this.#gpu.createBuffer({ label: 'tensor/plan-params', size: bytes, usage: UNIFORM | COPY_DST });
  }

  /** Gives a uniform buffer up, once no waiting launch uses it. */
  retireUniform(uniform: GPUBuffer): void {
    this.#retired.push(uniform);
  }

  /** Writes parameters of planned launches, which no waiting launch may use. */
  writeUniform(uniform: GPUBuffer, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#gpu.queue.writeBuffer(uniform, offset, bytes);
  }

  /** Counts the submits: what is recorded now goes to the device with this one. */
  get epoch(): number {
    return this.#commands.epoch;
  }

  /** Records launches that were prepared before, with bind groups of their own. */
  replay(records: readonly DispatchRecord[], storages: readonly Storage[]): void {
    this.assertReady();
    this.#assertNotRecording('replay');
    this.#commands.addPrepared(records, storages);
    for (const { cost } of records) if (cost !== undefined) this.#allowance.add(cost);
    this.#dispatches += records.length;
    this.#submitIfFull();
  }

  /** Copies `data` into a fresh buffer that no waiting launch uses. */
  upload(data: HostArray, label: string): Storage {
    this.assertReady();
    const storage = this.pool.allocateForUpload(Math.max(4, data.byteLength), label);
    this.write(storage, 0, data);
    this.#recorder?.onUpload(storage);
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
    this.#assertNotRecording('flush');
    if (!this.#pipelinesReady()) await this.#waitForPipelines();
    this.assertReady();
    if (this.#commands.records.length > 0) this.#submit();
  }

  /** Submits what is recorded and waits until the device has done it. */
  async finish(): Promise<void> {
    await this.flush();
    const { allowedMs } = this.#allowance;
    await this.#health.guarded(this.#gpu.queue.onSubmittedWorkDone(), 'finish', allowedMs);
    this.#allowance.finished(allowedMs);
    await this.#health.checkScopes();
  }

  /**
   * Reads ranges of buffers, after everything recorded before. Bytes; each range is copied once. What is
   * recorded while kernels still compile comes before the copy too: await it before writing in place.
   */
  async readBytes(ranges: readonly BufferBinding[]): Promise<ArrayBuffer[]> {
    this.#assertNotRecording('read');
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
    this.#submit({
      after: (encoder) => {
        ranges.forEach((range, i) => {
          const size = Math.ceil(range.size / 4) * 4;
          if (size > 0) encoder.copyBufferToBuffer(range.storage.buffer, range.offset, staging, offsets[i]!, size);
        });
      },
    });
    const { allowedMs } = this.#allowance;
    await this.#pause.around(launches, () =>
      this.#health.guarded(staging.mapAsync(MAP_MODE_READ, 0, total), 'readback', allowedMs),
    );
    this.#allowance.finished(allowedMs);
    await this.#health.checkScopes();
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
    this.#isProfiling = true;
    try {
      record();
    } finally {
      this.#isProfiling = false;
    }
    if (this.#commands.records.length > MAX_TIMED_LAUNCHES) {
      throw new ToolError('limit', {
        op: 'profile',
        expected: `at most ${MAX_TIMED_LAUNCHES} launches (Dawn's limit of timestamps)`,
        got: String(this.#commands.records.length),
      });
    }
    await this.#waitForPipelines();
    this.assertReady();
    if (this.#commands.records.length === 0) return [];
    const timings = this.timeNextSubmit();
    this.#submit();
    return timings;
  }

  /**
   * Times each launch of the next submit that has some; they run in a pass each. The list is empty if they are
   * too many (`MAX_TIMED_LAUNCHES`).
   */
  timeNextSubmit(): Promise<KernelTiming[]> {
    const earlier = this.#timing;
    return new Promise((resolve, reject) => {
      this.#timing = (timings) => {
        earlier?.(timings);
        timings.then(resolve, reject);
      };
    });
  }

  /** Throws the first failure if the device is not ready: a value could not be trusted. */
  assertReady(): void {
    this.#health.assertReady();
  }

  /** Ends the device. Buffers and tensors of it are gone. */
  close(): void {
    this.#health.close();
    this.#gpu.destroy();
  }

  /** Closes the device at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  #assertNotRecording(op: string): void {
    if (this.#recorder === undefined) return;
    const refusal = new ToolError('failed', {
      op,
      expected: 'no work on the device while a step is being compiled',
      got: `${op} inside the compiled function`,
      hint: 'return the tensor from the function and read it outside.',
    });
    this.#recorder.onRefusal(refusal);
    throw refusal;
  }

  #submitIfFull(): void {
    const isFull = this.#commands.records.length >= FULL_LIST || this.#allowance.isListFull;
    if (isFull && !this.#isProfiling && this.#pipelinesReady()) this.#submit();
  }

  #pipelinesReady(): boolean {
    return this.#commands.records.every((record) => record.entry.pipeline !== undefined);
  }

  async #waitForPipelines(): Promise<void> {
    while (this.#health.state === 'ready' && !this.#pipelinesReady()) {
      const waiting = this.#commands.records.filter((record) => record.entry.pipeline === undefined);
      await this.#health.guarded(Promise.all(waiting.map((record) => record.entry.ready)), 'compile');
    }
  }

  #submit(extras: SubmitExtras = {}): void {
    const { records, params } = this.#commands.take();
    this.#allowance.submitted();
    this.#health.openScopes();
    const timing = records.length > 0 ? this.#timing : undefined;
    const isTimed = timing !== undefined && records.length <= MAX_TIMED_LAUNCHES;
    if (timing !== undefined) this.#timing = undefined;
    const set = isTimed ? new TimestampSet(this.#gpu, records) : undefined;
    this.#encoder.submit(
      records,
      params,
      set === undefined
        ? extras
        : {
            timestamps: (index) => set.writes(index),
            after: (encoder) => {
              extras.after?.(encoder);
              set.resolve(encoder);
            },
          },
    );
    timing?.(set === undefined ? Promise.resolve([]) : this.#health.guarded(set.read(), 'profile'));
    for (const buffer of this.#retired.splice(0)) buffer.destroy();
  }

  #takeStaging(bytes: number): GPUBuffer {
    const index = this.#staging.findIndex((buffer) => buffer.size >= bytes);
    if (index >= 0) return this.#staging.splice(index, 1)[0]!;
    this.#staging.pop()?.destroy();
    const size = Math.max(4096, 2 ** Math.ceil(Math.log2(bytes)));
    return this.#gpu.createBuffer({ label: 'tensor/readback', size, usage: MAP_READ | COPY_DST });
  }
}

/** A copy of the limits, none above its entry in `ceilings`. */
function lowered(limits: GPUSupportedLimits, ceilings: Readonly<Partial<Record<string, number>>>): GPUSupportedLimits {
  const copy: Record<string, number> = {};
  for (const name in limits) {
    const value = (limits as unknown as Record<string, unknown>)[name];
    if (typeof value === 'number') copy[name] = Math.min(value, ceilings[name] ?? value);
  }
  return copy as unknown as GPUSupportedLimits;
}
