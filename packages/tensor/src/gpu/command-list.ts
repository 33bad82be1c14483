import type { LaunchCost } from '../plan/fusion-info.ts';
import { type ScalarLike, scalarValue } from '../scalar.ts';
import type { Storage } from './buffer-pool.ts';
import type { Workgroups } from './kernel.ts';
import type { PipelineEntry } from './pipeline-cache.ts';

/** A range of a storage buffer as a kernel sees it; offsets in bytes, aligned to 256. */
export interface BufferBinding {
  readonly storage: Storage;
  readonly offset: number;
  readonly size: number;
}

/** One recorded kernel launch. */
export interface DispatchRecord {
  readonly entry: PipelineEntry;
  readonly bindings: readonly BufferBinding[];
  /** Byte offset of the launch's parameters in the uniform block of the list; empty for a kernel without any. */
  readonly dynamicOffsets: readonly number[];
  readonly workgroups: Workgroups;
  /** What the launch costs, for profiles. */
  readonly cost: LaunchCost | undefined;
  /** Made before, for planned launches: their parameters lie in a uniform buffer of their own. */
  readonly bindGroup?: GPUBindGroup;
}

/** Dispatches that are recorded and not yet submitted, with their parameters packed in one block. */
export class CommandList {
  readonly #alignment: number;
  records: DispatchRecord[] = [];
  #words = new ArrayBuffer(64 * 1024);
  #view = new DataView(this.#words);
  #used = 0;
  /** Counts the submits; a storage whose epoch equals this is used by a waiting record. */
  epoch = 0;

  constructor(alignment: number) {
    this.#alignment = alignment;
  }

  get paramBytes(): number {
    return this.#used;
  }

  add(
    entry: PipelineEntry,
    bindings: readonly BufferBinding[],
    params: readonly ScalarLike[],
    workgroups: Workgroups,
    cost: LaunchCost | undefined,
  ): void {
    for (const binding of bindings) binding.storage.epoch = this.epoch;
    const dynamicOffsets = entry.paramBytes > 0 ? [this.#pack(entry, params)] : [];
    this.records.push({ entry, bindings, dynamicOffsets, workgroups, cost });
  }

  /** Adds launches that bring their own bind groups; `storages` are the buffers that they use. */
  addPrepared(records: readonly DispatchRecord[], storages: readonly Storage[]): void {
    for (const storage of storages) storage.epoch = this.epoch;
    for (const record of records) this.records.push(record);
  }

  /** Takes the recorded launches and their parameters, and starts the next epoch. */
  take(): { records: DispatchRecord[]; params: Uint8Array<ArrayBuffer> } {
    const taken = { records: this.records, params: new Uint8Array(this.#words, 0, this.#used) };
    this.records = [];
    this.#used = 0;
    this.epoch++;
    return taken;
  }

  #pack(entry: PipelineEntry, params: readonly ScalarLike[]): number {
    const offset = this.#used;
    const end = offset + Math.ceil(entry.paramBytes / this.#alignment) * this.#alignment;
    if (end > this.#words.byteLength) {
      const grown = new ArrayBuffer(Math.max(end, this.#words.byteLength * 2));
      new Uint8Array(grown).set(new Uint8Array(this.#words, 0, this.#used));
      this.#words = grown;
      this.#view = new DataView(grown);
    }
    packParams(this.#view, offset, entry, params);
    this.#used = end;
    return offset;
  }
}

/** Writes the parameters of a launch at `offset` bytes, as its kernel declares them. */
export function packParams(
  view: DataView,
  offset: number,
  { kernel }: PipelineEntry,
  params: readonly ScalarLike[],
): void {
  kernel.params.forEach(({ type }, i) => {
    const value = scalarValue(params[i]!);
    const at = offset + i * 4;
    if (type === 'f32') view.setFloat32(at, value, true);
    else if (type === 'u32') view.setUint32(at, value, true);
    else view.setInt32(at, value, true);
  });
}
