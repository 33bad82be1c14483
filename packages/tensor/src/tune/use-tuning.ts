import type { Device } from '../gpu/device.ts';
import { matmulCandidates } from '../kernels/matmul-candidates.ts';
import { setMatmulChooser } from '../kernels/matmul-chooser.ts';
import type { MatmulCandidate } from '../kernels/matmul-spec.ts';
import { matmulClass } from './matmul-class.ts';
import type { TuningTable } from './tuning-table.ts';

/**
 * From now on the matmuls of the device take the picks of `table`, and the static choice where it has none or
 * where its pick cannot run a matmul of just this size. `undefined` goes back to the static choice for all.
 *
 * With picks that keep the order of k, which is what `tuneMatmul` gives unless it is told otherwise, this
 * changes no bit of any result.
 */
export function useTuning(device: Device, table: TuningTable | undefined): void {
  if (table === undefined) {
    setMatmulChooser(device, undefined);
    return;
  }
  const known = new Map<string, MatmulCandidate | undefined>();
  setMatmulChooser(device, (size, variant, capabilities) => {
    const id = table.use(matmulClass(size, variant));
    if (id === undefined) return undefined;
    const { m, n, k, batch, lda, ldb, ldc } = size;
    const key = `${id} ${[m, n, k, batch, lda, ldb, ldc].join()} ${variant.transB} ${variant.arithmetic ?? ''}`;
    if (!known.has(key)) {
      known.set(
        key,
        matmulCandidates(size, variant, capabilities).find((candidate) => candidate.id === id),
      );
    }
    return known.get(key);
  });
}
