import type { Storage } from '../gpu/buffer-pool.ts';
import type { BufferBinding } from '../gpu/command-list.ts';
import type { Device } from '../gpu/device.ts';
import type { RecordedLaunch } from '../gpu/launch-recorder.ts';
import { assignArenas } from './assign-arenas.ts';
import { dropDeadLaunches } from './drop-dead-launches.ts';
import { fuseMatmul } from './fuse-matmul.ts';
import { fusePointwise } from './fuse-pointwise.ts';
import { PlanInstance } from './plan-instance.ts';

/** Buffers of a recorded step that are other ones at each replay. */
export interface PlanPorts {
  /** The arguments' buffers, in order. */
  readonly inputs: readonly Storage[];
  /** Buffers that the results live in; virtual. */
  readonly outputs: readonly Storage[];
}

/** Passes of the compiler that can be left out, to see what each is worth. */
export interface PlanPasses {
  readonly fusion?: boolean;
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
  readonly #arenas: readonly Storage[];
  readonly #fixed: ReadonlyMap<Storage, BufferBinding>;
  readonly #instances: PlanInstance[] = [];
  /** Real buffers that the plan uses at every replay: parameters and constants. */
  readonly externals: ReadonlySet<Storage>;

  constructor(device: Device, recorded: readonly RecordedLaunch[], ports: PlanPorts, passes: PlanPasses) {
    this.device = device;
    this.ports = ports;
    this.recordedLaunches = recorded.length;
    const [inputs, outputs] = [new Set(ports.inputs), new Set(ports.outputs)];
    const isTemporary = (storage: Storage): boolean => storage.isVirtual && !outputs.has(storage);
    let launches = dropDeadLaunches(recorded, (storage) => !isTemporary(storage));
    if (passes.fusion !== false) {
      const maxBuffers = device.limits.maxStorageBuffersPerShaderStage;
      launches = fuseMatmul(fusePointwise(launches, isTemporary, maxBuffers), isTemporary, maxBuffers);
    }
    this.launches = launches;
    this.externals = new Set(
      launches.flatMap(({ bindings }) =>
        bindings.flatMap(({ storage }) => (storage.isVirtual || inputs.has(storage) ? [] : [storage])),
      ),
    );
    for (const storage of this.externals) device.pool.retain(storage);
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    const arenas = assignArenas(launches, isTemporary, Math.min(maxStorageBufferBindingSize, maxBufferSize));
    this.arenaBytes = arenas.sizes.reduce((total, bytes) => total + bytes, 0);
    this.#arenas = arenas.sizes.map((bytes, i) => device.pool.allocate(bytes, `tensor/plan-arena-${i}`));
    this.#fixed = new Map(
      [...arenas.places].map(([storage, { arena, offset }]) => [
        storage,
        { storage: this.#arenas[arena]!, offset, size: storage.bytes },
      ]),
    );
  }

  /** Records the launches with these buffers for the arguments and the results. */
  replay(inputs: readonly Storage[], outputs: readonly Storage[]): void {
    const { epoch } = this.device;
    // Parameters are written ahead of the submit, so those of a replay that waits must stay as they are.
    let instance = this.#instances.find((candidate) => candidate.epoch !== epoch);
    if (instance === undefined) {
      instance = new PlanInstance(this.device, this.launches, this.#fixed, this.ports);
      this.#instances.push(instance);
    }
    instance.replay(inputs, outputs, [...this.#arenas, ...this.externals]);
  }

  dispose(): void {
    for (const instance of this.#instances) instance.dispose();
    for (const storage of [...this.#arenas, ...this.externals]) this.device.pool.release(storage);
  }
}
