import type { Device } from '../gpu/device.ts';
import { matmulCandidates } from '../kernels/matmul-candidates.ts';
import { matmulCapabilities, refuseMatmulFamily } from '../kernels/matmul-capabilities.ts';
import type { MatmulArithmetic, MatmulCandidate, MatmulSize, MatmulVariant } from '../kernels/matmul-spec.ts';
import { matmulFamily } from '../kernels/matmul-tile.ts';
import { gateMatmul } from './gate-matmul.ts';

/** What the gate found about one family of kernels. */
export interface GateResult {
  /** Kernels that stand or fall together, such as `registers` or `matrix-f16`. */
  readonly family: string;
  /** The member that was tried. */
  readonly candidate: string;
  /** What is wrong with it on this adapter; undefined if nothing is. */
  readonly refused: string | undefined;
}

/** A square problem and one of a handful of rows with long sums: between them they bring up every family. */
const SIZES = [
  { m: 256, n: 256, k: 256 },
  { m: 4, n: 64, k: 4096 },
] as const;

/**
 * The start-up gate: tries each family of matmul kernels that this device has on problems with known answers.
 * A family that computes wrongly, or does not compile, is taken by nothing from then on. A few milliseconds a
 * kernel, once the driver has compiled it.
 *
 * @param arithmetic what to try; kernels that multiply in f16 take seconds to compile on a CPU adapter.
 */
export async function gateDevice(
  device: Device,
  arithmetic: readonly MatmulArithmetic[] = ['f32'],
): Promise<GateResult[]> {
  const layout = { transA: false, transB: true };
  const results: GateResult[] = [];
  for (const products of arithmetic) {
    if (products === 'f16' && !device.features.has('shader-f16')) continue;
    const variant: MatmulVariant = { ...layout, epilogue: 'none', arithmetic: products };
    const members = new Map<string, MatmulCandidate>();
    for (const { m, n, k } of SIZES) {
      const size: MatmulSize = { m, n, k, batch: 1, lda: k, ldb: k, ldc: n, strideA: 0, strideB: 0, strideC: m * n };
      for (const candidate of matmulCandidates(size, variant, matmulCapabilities(device))) {
        const family = matmulFamily(candidate, products);
        if (!members.has(family)) members.set(family, candidate);
      }
    }
    for (const [family, candidate] of members) {
      const refused = await gateMatmul(device, candidate, { ...layout, arithmetic: products });
      if (refused !== undefined) refuseMatmulFamily(device, family);
      results.push({ family, candidate: candidate.id, refused });
    }
  }
  return results;
}
