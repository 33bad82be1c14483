import type { Device, Tensor } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { disposeAll } from '../values.ts';

export interface RecordedCase extends Omit<BenchCase, 'prepare'> {
  readonly inputs: (device: Device) => Tensor[];
  /** Records one run; what it makes is freed with the scope around it. */
  readonly record: (inputs: readonly Tensor[]) => unknown;
}

/** A case that only needs some tensors and an op on them. Nothing is read back. */
export function recordedCase({ inputs, record, ...rest }: RecordedCase): BenchCase {
  return {
    ...rest,
    prepare: (device) => {
      const tensors = inputs(device);
      return {
        record: () => {
          record(tensors);
          return [];
        },
        dispose: disposeAll(tensors),
      };
    },
  };
}
