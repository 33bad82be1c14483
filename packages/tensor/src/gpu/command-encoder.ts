import type { BufferBinding, DispatchRecord } from './command-list.ts';
import type { PipelineEntry } from './pipeline-cache.ts';
import { COPY_DST, UNIFORM } from './usage.ts';

const MAX_CACHED_BIND_GROUPS = 16384;

/** What a submit holds besides the launches. */
export interface SubmitExtras {
  /** Encoded after the launches: copies for a readback. */
  readonly after?: (encoder: GPUCommandEncoder) => void;
  /** Timestamps of launch `index`; with them every launch has a pass of its own. */
  readonly timestamps?: (index: number) => GPUComputePassTimestampWrites;
}

/** Turns recorded launches into one submit, with one pass, one uniform buffer and bind groups that are kept. */
export class CommandEncoder {
  readonly #device: GPUDevice;
  readonly #bindGroups = new Map<string, GPUBindGroup>();
  #uniform: GPUBuffer | undefined;
  #uniformBytes = 0;
  readonly counts = { submits: 0, passes: 0, bindGroups: 0 };

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Bind groups keep buffers alive: to be called when buffers are destroyed. */
  forgetBindGroups(): void {
    this.#bindGroups.clear();
  }

  submit(
    records: readonly DispatchRecord[],
    params: Uint8Array<ArrayBuffer>,
    { after, timestamps }: SubmitExtras,
  ): void {
    if (params.byteLength > 0) this.#writeUniform(params);
    const encoder = this.#device.createCommandEncoder({ label: 'dawngrad' });
    if (timestamps) {
      records.forEach((record, i) => {
        this.#encode(encoder, [record], timestamps(i));
      });
    } else if (records.length > 0) {
      this.#encode(encoder, records, undefined);
    }
    after?.(encoder);
    this.#device.queue.submit([encoder.finish()]);
    this.counts.submits++;
  }

  #encode(
    encoder: GPUCommandEncoder,
    records: readonly DispatchRecord[],
    timestampWrites: GPUComputePassTimestampWrites | undefined,
  ): void {
    const pass = encoder.beginComputePass(timestampWrites ? { timestampWrites } : undefined);
    this.counts.passes++;
    let current = -1;
    for (const record of records) {
      const { entry, bindGroup, workgroups } = record;
      if (entry.id !== current) {
        pass.setPipeline(entry.pipeline!);
        current = entry.id;
      }
      pass.setBindGroup(0, bindGroup ?? this.#bindGroup(record), record.dynamicOffsets);
      // Every argument is converted by the binding: most grids have one dimension.
      if (workgroups[1] === 1 && workgroups[2] === 1) pass.dispatchWorkgroups(workgroups[0]);
      else pass.dispatchWorkgroups(...workgroups);
    }
    pass.end();
  }

  #writeUniform(params: Uint8Array<ArrayBuffer>): void {
    if (params.byteLength > this.#uniformBytes) {
      this.#uniform?.destroy();
      this.#uniformBytes = Math.max(64 * 1024, 2 ** Math.ceil(Math.log2(params.byteLength)));
      this.#uniform = this.#device.createBuffer({
        label: 'tensor/params',
        size: this.#uniformBytes,
        usage: UNIFORM | COPY_DST,
      });
      this.#bindGroups.clear();
    }
    this.#device.queue.writeBuffer(this.#uniform!, 0, params);
  }

  #bindGroup(record: DispatchRecord): GPUBindGroup {
    let key = `${record.entry.id}`;
    for (const binding of record.bindings) key += `|${binding.storage.id}:${binding.offset}:${binding.size}`;
    const found = this.#bindGroups.get(key);
    if (found !== undefined) return found;
    if (this.#bindGroups.size >= MAX_CACHED_BIND_GROUPS) this.#bindGroups.clear();
    const created = this.createBindGroup(record.entry, record.bindings, this.#uniform);
    this.#bindGroups.set(key, created);
    return created;
  }

  /** A new bind group; `uniform` holds the parameters of a kernel that has some. */
  createBindGroup(
    entry: PipelineEntry,
    bindings: readonly BufferBinding[],
    uniform: GPUBuffer | undefined,
  ): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = bindings.map((binding, i) => ({
      binding: i + 1,
      resource: { buffer: binding.storage.buffer, offset: binding.offset, size: binding.size },
    }));
    if (entry.paramBytes > 0) {
      entries.unshift({ binding: 0, resource: { buffer: uniform!, offset: 0, size: entry.paramBytes } });
    }
    this.counts.bindGroups++;
    return this.#device.createBindGroup({ label: entry.kernel.label, layout: entry.layout, entries });
  }
}
