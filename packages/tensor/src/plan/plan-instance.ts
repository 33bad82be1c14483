import type { Storage } from '../gpu/buffer-pool.ts';
import { type BufferBinding, type DispatchRecord, packParams } from '../gpu/command-list.ts';
import type { Device } from '../gpu/device.ts';
import type { RecordedLaunch } from '../gpu/launch-recorder.ts';
import type { PipelineEntry } from '../gpu/pipeline-cache.ts';
import type { PlanPorts } from './plan.ts';

const MAX_CACHED_BIND_GROUPS = 64;

/** A launch with the place of its parameters in the uniform buffer. */
interface PreparedLaunch {
  readonly entry: PipelineEntry;
  readonly launch: RecordedLaunch;
  readonly paramOffset: number;
}

/** A launch that uses a buffer of the arguments or results: its bind group depends on them. */
interface PortedLaunch extends PreparedLaunch {
  /** Its place in the list of records. */
  readonly index: number;
  /** For each binding, where its buffer comes from. */
  readonly sources: readonly (
    | BufferBinding
    | { readonly port: number; readonly offset: number; readonly size: number }
  )[];
  readonly bindGroups: Map<string, DispatchRecord>;
}

/** One set of parameters and bind groups of a plan; a plan that is replayed twice in a submit needs two. */
export class PlanInstance {
  readonly #device: Device;
  readonly #uniform: GPUBuffer | undefined;
  readonly #words: ArrayBuffer;
  /** Bytes at the start of the uniform buffer that hold parameters with Scalar cells. */
  readonly #changingBytes: number;
  readonly #changing: readonly PreparedLaunch[];
  readonly #records: DispatchRecord[];
  readonly #ported: readonly PortedLaunch[];
  #isFresh = true;
  /** The submit that the last replay belongs to. */
  epoch = -1;

  constructor(
    device: Device,
    launches: readonly RecordedLaunch[],
    fixed: ReadonlyMap<Storage, BufferBinding>,
    ports: PlanPorts,
  ) {
    this.#device = device;
    const alignment = device.limits.minUniformBufferOffsetAlignment;
    const prepared: PreparedLaunch[] = new Array(launches.length);
    let used = 0;
    const place = (launch: RecordedLaunch, i: number): void => {
      const entry = device.pipeline(launch.kernel);
      prepared[i] = { entry, launch, paramOffset: used };
      used += Math.ceil(entry.paramBytes / alignment) * alignment;
    };
    // Launches whose parameters change come first: one write per replay covers them.
    const hasScalar = ({ params }: RecordedLaunch): boolean => params.some((param) => typeof param !== 'number');
    launches.forEach((launch, i) => {
      if (hasScalar(launch)) place(launch, i);
    });
    this.#changingBytes = used;
    launches.forEach((launch, i) => {
      if (!hasScalar(launch)) place(launch, i);
    });
    this.#changing = prepared.filter(({ launch }) => hasScalar(launch));
    this.#words = new ArrayBuffer(used);
    for (const launch of prepared) this.#pack(launch);
    this.#uniform = used > 0 ? device.createUniform(used) : undefined;

    const portOf = new Map([...ports.inputs, ...ports.outputs].map((storage, port) => [storage, port]));
    const ported: PortedLaunch[] = [];
    this.#records = prepared.map(({ entry, launch, paramOffset }, index) => {
      const sources = launch.bindings.map((binding) => {
        const port = portOf.get(binding.storage);
        return port === undefined ? placed(binding, fixed) : { port, offset: binding.offset, size: binding.size };
      });
      if (sources.some((source) => 'port' in source)) {
        ported.push({ entry, launch, paramOffset, index, sources, bindGroups: new Map() });
      }
      const bindings = sources.filter((source) => 'storage' in source);
      const dynamicOffsets = entry.paramBytes > 0 ? [paramOffset] : [];
      const record = { entry, bindings, dynamicOffsets, workgroups: launch.workgroups, cost: launch.info };
      return bindings.length < sources.length ? record : { ...record, bindGroup: this.#bindGroup(entry, bindings) };
    });
    this.#ported = ported;
  }

  /** True for parameters that are the same at each replay: then it may be replayed again within a submit. */
  get isFixed(): boolean {
    return this.#changingBytes === 0;
  }

  /** `own` are the buffers that every replay uses besides the ports. */
  replay(inputs: readonly Storage[], outputs: readonly Storage[], own: readonly Storage[]): void {
    const buffers = [...inputs, ...outputs];
    for (const launch of this.#ported) this.#records[launch.index] = this.#recordOf(launch, buffers);
    for (const launch of this.#changing) this.#pack(launch);
    const bytes = this.#isFresh ? this.#words.byteLength : this.#changingBytes;
    if (bytes > 0) this.#device.writeUniform(this.#uniform!, 0, new Uint8Array(this.#words, 0, bytes));
    this.#isFresh = false;
    this.epoch = this.#device.epoch;
    this.#device.replay(this.#records, [...buffers, ...own]);
  }

  dispose(): void {
    if (this.#uniform !== undefined) this.#device.retireUniform(this.#uniform);
  }

  #bindGroup(entry: PipelineEntry, bindings: readonly BufferBinding[]): GPUBindGroup {
    return this.#device.createBindGroup(entry, bindings, this.#uniform);
  }

  #recordOf(
    { entry, launch, paramOffset, sources, bindGroups }: PortedLaunch,
    buffers: readonly Storage[],
  ): DispatchRecord {
    const bindings = sources.map((source) =>
      'port' in source ? { storage: buffers[source.port]!, offset: source.offset, size: source.size } : source,
    );
    const key = bindings.map(({ storage }) => storage.id).join();
    const known = bindGroups.get(key);
    if (known !== undefined) return known;
    if (bindGroups.size >= MAX_CACHED_BIND_GROUPS) bindGroups.clear();
    const bindGroup = this.#bindGroup(entry, bindings);
    const dynamicOffsets = entry.paramBytes > 0 ? [paramOffset] : [];
    const record = { entry, bindings, dynamicOffsets, workgroups: launch.workgroups, cost: launch.info, bindGroup };
    bindGroups.set(key, record);
    return record;
  }

  #pack({ entry, launch, paramOffset }: PreparedLaunch): void {
    packParams(new DataView(this.#words), paramOffset, entry, launch.params);
  }
}

/** A binding with the arena in place of a temporary. */
function placed(binding: BufferBinding, fixed: ReadonlyMap<Storage, BufferBinding>): BufferBinding {
  const place = fixed.get(binding.storage);
  return place === undefined
    ? binding
    : { storage: place.storage, offset: place.offset + binding.offset, size: binding.size };
}
