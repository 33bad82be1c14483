import type { Device } from '../gpu/device.ts';
import { type KeySource, planSortKeys } from '../kernels/sort-keys.wgsl.ts';
import { Tensor } from '../tensor.ts';

/** Keys in ascending order and where each of them came from, both u32 [N]; equal keys keep their order. */
export interface SortedKeys {
  readonly keys: Tensor;
  readonly positions: Tensor;
}

/** Sorts `count` keys on the device. `inputs` are what the source of the keys binds. */
export function sortKeys(device: Device, source: KeySource, count: number, inputs: readonly Tensor[]): SortedKeys {
  const buffers = (): SortedKeys => ({
    keys: Tensor.empty(device, [count], 'u32', 'tensor/sort-keys/keys'),
    positions: Tensor.empty(device, [count], 'u32', 'tensor/sort-keys/positions'),
  });
  let sorted = buffers();
  if (count === 0) return sorted;
  const { blocks, merges } = planSortKeys(source, count);
  device.dispatch(
    blocks.kernel,
    [...inputs.map((input) => input.wholeBinding()), sorted.keys.binding(), sorted.positions.binding()],
    blocks.params,
    blocks.workgroups,
    { kind: 'opaque' },
  );
  for (const { kernel, params, workgroups } of merges) {
    const merged = buffers();
    const bindings = [sorted.keys, sorted.positions, merged.keys, merged.positions].map((tensor) => tensor.binding());
    device.dispatch(kernel, bindings, params, workgroups, { kind: 'opaque' });
    sorted.keys.dispose();
    sorted.positions.dispose();
    sorted = merged;
  }
  return sorted;
}
