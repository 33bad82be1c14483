import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import type { LaunchPlan } from '../../src/gpu/launch-plan.ts';
import { matmulCandidates } from '../../src/kernels/matmul-candidates.ts';
import { matmulCapabilities } from '../../src/kernels/matmul-capabilities.ts';
import { planMatmul } from '../../src/kernels/matmul-plan.ts';
import type { MatmulSize, MatmulVariant } from '../../src/kernels/matmul-spec.ts';
import { createGpu } from '../../src/node.ts';
import { compilerMessages, NULL_BACKEND, openNullDevice } from '../../src/testing/index.ts';

/** Whole tiles with loads of four, odd edges, a handful of rows, a long sum that is split. */
const SIZES = [
  [64, 64, 64],
  [37, 61, 53],
  [1, 256, 512],
  [16, 16, 4096],
] as const;

function sizeOf([m, n, k]: readonly [number, number, number], transA: boolean, transB: boolean): MatmulSize {
  return {
    m,
    n,
    k,
    batch: 1,
    lda: transA ? m : k,
    ldb: transB ? k : n,
    ldc: n,
    strideA: 0,
    strideB: 0,
    strideC: 0,
  };
}

/** How the operands are stored and multiplied, and what becomes of the product. */
const KINDS: readonly Omit<MatmulVariant, 'transA' | 'transB'>[] = [
  { epilogue: 'none' },
  { epilogue: 'bias' },
  { epilogue: 'residual', weight: 'bf16' },
  { epilogue: 'accumulate', input: 'f16' },
  { epilogue: 'none', arithmetic: 'f16', input: 'f16', weight: 'f16' },
];

function compileOnly(device: Device, { kernel, params }: LaunchPlan): void {
  const storages = kernel.bindings.map(() => device.pool.allocate(1024, 'test/unused'));
  const bindings = storages.map((storage) => ({ storage, offset: 0, size: 1024 }));
  device.dispatch(kernel, bindings, params, [1, 1, 1]);
  for (const storage of storages) device.pool.release(storage);
}

describe.each(['cpu', 'gpu'] as const)('every matmul that a tuner may take on a %s', (adapterClass) => {
  it('compiles with every feature on, without a word of the compiler', async () => {
    const { device, modules } = await openNullDevice(createGpu(NULL_BACKEND), adapterClass);
    const capabilities = matmulCapabilities(device);
    const memories = new Set<string>();
    for (const kind of KINDS) {
      for (const [transA, transB] of [
        [false, false],
        [false, true],
        [true, false],
        [true, true],
      ] as const) {
        const variant: MatmulVariant = { ...kind, transA, transB };
        for (const sizes of SIZES) {
          const size = sizeOf(sizes, transA, transB);
          for (const candidate of matmulCandidates(size, variant, capabilities)) {
            const plan = planMatmul(size, { ...variant, capabilities, candidate });
            compileOnly(device, plan);
            if (plan.combine !== undefined) compileOnly(device, plan.combine);
            memories.add(candidate.splits > 1 ? 'split' : candidate.tile.memory);
          }
        }
        await device.finish();
      }
    }
    expect(await compilerMessages(modules)).toEqual([]);
    expect([...memories].sort()).toEqual(expect.arrayContaining(['matrix', 'registers', 'split', 'subgroup']));
    console.log(`null backend, matmuls of a ${adapterClass}: ${modules.length} modules`);
    device.close();
  }, 300_000);
});
