import type { Storage } from '../gpu/buffer-pool.ts';
import type { BufferBinding } from '../gpu/command-list.ts';
import type { RecordedLaunch } from '../gpu/launch-recorder.ts';
import { planElementwise } from '../kernels/elementwise.wgsl.ts';
import { isPlainOperand, type PointwiseLaunch } from './fuse-pointwise.ts';
import { usesByStorage } from './launch-access.ts';

/**
 * Lets pointwise launches write over an operand that nobody reads afterwards: the two become one buffer.
 * WebGPU does not take a buffer as an input and an output of one launch, so the kernel reads its output.
 *
 * @param isTemporary tells the buffers that nobody outside of the step sees; only those are written over.
 */
export function reuseInPlace(
  launches: readonly RecordedLaunch[],
  isTemporary: (storage: Storage) => boolean,
): RecordedLaunch[] {
  const uses = usesByStorage(launches);
  /** What became of the buffers that are written over. */
  const merged = new Map<Storage, Storage>();
  const now = (storage: Storage): Storage => {
    const next = merged.get(storage);
    return next === undefined ? storage : now(next);
  };
  const result = launches.map((launch, i) => {
    if (launch.info?.kind !== 'pointwise') return launch;
    const pointwise = launch as PointwiseLaunch;
    const at = pointwise.bindings.slice(0, -1).findIndex((_, k) => isReplaceable(pointwise, k, i, uses, isTemporary));
    if (at < 0) return launch;
    const { expression, operands, out, scalars } = pointwise.info;
    merged.set(launch.bindings[at]!.storage, launch.bindings.at(-1)!.storage);
    return {
      ...planElementwise(expression, operands, out, scalars, at),
      bindings: launch.bindings.filter((_, k) => k !== at),
      // Its operands are not its bindings any more: no pass may take it for a plain pointwise launch.
      info: { kind: 'opaque' as const },
    };
  });
  return result.map((launch) => ({
    ...launch,
    bindings: launch.bindings.map((binding): BufferBinding => ({ ...binding, storage: now(binding.storage) })),
  }));
}

function isReplaceable(
  { bindings, info }: PointwiseLaunch,
  at: number,
  index: number,
  uses: ReturnType<typeof usesByStorage>,
  isTemporary: (storage: Storage) => boolean,
): boolean {
  const { storage, offset } = bindings[at]!;
  const target = bindings.at(-1)!;
  const operand = info.operands[at]!;
  const isOnlyUse = bindings.filter((other) => other.storage === storage).length === 1;
  const writes = uses.get(target.storage)!.writers;
  return (
    isTemporary(storage) &&
    target.storage.isVirtual &&
    storage.bytes === target.storage.bytes &&
    offset === 0 &&
    target.offset === 0 &&
    operand.dtype === info.out.dtype &&
    isPlainOperand(operand, info.out.shape) &&
    isOnlyUse &&
    Math.max(...uses.get(storage)!.readers, ...uses.get(storage)!.writers) === index &&
    // Nobody may have written to the output, or read it, before.
    Math.min(...writes, ...uses.get(target.storage)!.readers) === index
  );
}
