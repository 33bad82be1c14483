import type { Storage } from '../gpu/buffer-pool.ts';
import type { BufferBinding } from '../gpu/command-list.ts';
import type { Device } from '../gpu/device.ts';
import type { RecordedLaunch } from '../gpu/launch-recorder.ts';
import type { KernelTiming } from '../gpu/timestamp-set.ts';
import { assignArenas } from './assign-arenas.ts';
import { dropDeadLaunches } from './drop-dead-launches.ts';
import { fuseMatmul } from './fuse-matmul.ts';
import { fusePointwise } from './fuse-pointwise.ts';
import { hoistConstants } from './hoist-constants.ts';
import { mergeLaunches } from './merge-launches.ts';
import { PlanInstance } from './plan-instance.ts';
import { reuseInPlace } from './reuse-in-place.ts';

/** Buffers of a recorded step that are other ones at each replay. */
export interface PlanPorts {
  /** The arguments' buffers, in order. */
  readonly inputs: readonly Storage[];
  /** Buffers that the results live in; virtual. */
  readonly outputs: readonly Storage[];
}

/** Passes of the compiler that can be left out, to see what each is worth. */
export interface PlanPasses {
  /** Pointwise chains and matmul epilogues. */
  readonly fusion?: boolean;
  /** Work on constants is done once. */
  readonly hoisting?: boolean;
  /** Pointwise results over operands that are done with. */
  readonly inPlace?: boolean;
  /** Independent launches side by side in one. */
  readonly merging?: boolean;
}

/**
 * A step as a fixed list of launches: what nobody sees is left out, pointwise work is fused, temporaries have
 * their places in a few arenas. Replaying it creates no buffer and, for buffers met before, no bind group.
 */
export class Plan {
  readonly device: Device;
  readonly ports: PlanPorts;
  readonly launches: readonly RecordedLaunch[];
  /** Launches before the passes of the compiler. */
  readonly recordedLaunches: number;
  /** Bytes of the arenas together. */
  readonly arenaBytes: number;
  /** Real buffers that every replay uses: parameters, constants, results of hoisted work, arenas. */
  readonly #own: readonly Storage[];
  readonly #fixed: ReadonlyMap<Storage, BufferBinding>;
  readonly #instances: PlanInstance[] = [];

  /** `constants` are buffers with values from the host that nobody else knows of. */
  constructor(
    device: Device,
    recorded: readonly RecordedLaunch[],
    ports: PlanPorts,
    constants: readonly Storage[],
    passes: PlanPasses,
  ) {
    this.device = device;
    this.ports = ports;
    this.recordedLaunches = recorded.length;
    const ported = new Set([...ports.inputs, ...ports.outputs]);
    const isTemporary = (storage: Storage): boolean => storage.isVirtual && !ported.has(storage);
    const { maxStorageBuffersPerShaderStage: maxBuffers, maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    let launches = dropDeadLaunches(recorded, (storage) => !isTemporary(storage));
    let once: readonly RecordedLaunch[] = [];
    let kept: ReadonlySet<Storage> = new Set();
    if (passes.hoisting !== false) {
      const hoisted = hoistConstants(launches, isTemporary, (storage) => constants.includes(storage));
      ({ once, kept } = hoisted);
      launches = [...hoisted.perStep];
    }
    const isInner = (storage: Storage): boolean => isTemporary(storage) && !kept.has(storage);
    if (passes.fusion !== false) {
      launches = fuseMatmul(fusePointwise(launches, isInner, maxBuffers), isInner, maxBuffers);
    }
    if (passes.merging !== false) {
      launches = mergeLaunches(launches, { maxBuffers, adapterClass: device.adapterClass });
    }
    // After merging: what writes over its operand depends on one launch more.
    if (passes.inPlace !== false) launches = reuseInPlace(launches, isInner);
    this.launches = launches;
    const externals = new Set(
      launches.flatMap(({ bindings }) => bindings.flatMap(({ storage }) => (storage.isVirtual ? [] : [storage]))),
    );
    const arenas = assignArenas(launches, isInner, Math.min(maxStorageBufferBindingSize, maxBufferSize));
    this.arenaBytes = arenas.sizes.reduce((total, bytes) => total + bytes, 0);
    const buffers = device.pool.allocateAll(
      arenas.sizes.map((bytes, i) => ({ bytes, label: `tensor/plan-arena-${i}` })),
    );
    // After what may be refused: a plan that does not fit the memory holds nothing.
    for (const storage of externals) device.pool.retain(storage);
    const fixed = new Map<Storage, BufferBinding>(
      [...arenas.places].map(([storage, { arena, offset }]) => [
        storage,
        { storage: buffers[arena]!, offset, size: storage.bytes },
      ]),
    );
    const results = runOnce(device, once, kept);
    for (const [storage, buffer] of results) fixed.set(storage, { storage: buffer, offset: 0, size: buffer.bytes });
    this.#fixed = fixed;
    this.#own = [...externals, ...buffers, ...results.values()];
  }

  /** Records the launches with these buffers for the arguments and the results. */
  replay(inputs: readonly Storage[], outputs: readonly Storage[]): void {
    const { epoch } = this.device;
    // Parameters are written ahead of the submit, so those of a replay that waits must stay as they are.
    let instance = this.#instances.find((candidate) => candidate.isFixed || candidate.epoch !== epoch);
    if (instance === undefined) {
      instance = new PlanInstance(this.device, this.launches, this.#fixed, this.ports);
      this.#instances.push(instance);
    }
    instance.replay(inputs, outputs, this.#own);
  }

  /** The times of the plan's launches, in microseconds, among those of a submit; undefined if it is not there. */
  timesAmong(timings: readonly KernelTiming[]): number[] | undefined {
    const labels = this.launches.map(({ kernel }) => kernel.label);
    for (let start = 0; start + labels.length <= timings.length; start++) {
      if (!labels.every((label, i) => timings[start + i]!.label === label)) continue;
      return timings.slice(start, start + labels.length).map(({ microseconds }) => microseconds);
    }
    return undefined;
  }

  /** Gives the arenas and kept constants back. The plan must not be replayed again. */
  dispose(): void {
    for (const instance of this.#instances) instance.dispose();
    for (const storage of this.#own) this.device.pool.release(storage);
  }
}

/** Does launches at once, and gives the buffers for those results that are to be kept. */
function runOnce(
  device: Device,
  launches: readonly RecordedLaunch[],
  kept: ReadonlySet<Storage>,
): Map<Storage, Storage> {
  const buffers = new Map<Storage, Storage>();
  const real = (storage: Storage): Storage => {
    if (!storage.isVirtual) return storage;
    const found = buffers.get(storage) ?? device.pool.allocate(storage.bytes, storage.label);
    buffers.set(storage, found);
    return found;
  };
  for (const { kernel, bindings, params, workgroups } of launches) {
    const placed = bindings.map((binding) => ({ ...binding, storage: real(binding.storage) }));
    device.dispatch(kernel, placed, params, workgroups);
  }
  for (const [storage, buffer] of [...buffers]) {
    if (kept.has(storage)) continue;
    device.pool.release(buffer);
    buffers.delete(storage);
  }
  return buffers;
}
