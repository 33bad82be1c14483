import { type Device, read, scopeAsync, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { matmulCandidates } from '../../src/kernels/matmul-candidates.ts';
import { matmulCapabilities } from '../../src/kernels/matmul-capabilities.ts';
import { chooseVectors, planMatmul } from '../../src/kernels/matmul-plan.ts';
import type { MatmulCandidate, MatmulCapabilities, MatmulEpilogue } from '../../src/kernels/matmul-spec.ts';
import { type Case, caseOf, type Operands, operandsOf, reference } from './matmul-harness.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** Runs the planned kernel on an output that holds `c` before (or a residual of `c`). */
async function run(
  test: Case,
  operands: Operands,
  candidate?: MatmulCandidate,
  size = test.size,
): Promise<Float32Array> {
  const plan = planMatmul(size, { ...test, capabilities: matmulCapabilities(device), candidate });
  const tensor = (values: Float32Array) => Tensor.from(device, values, [values.length]);
  return scopeAsync(async () => {
    const c = tensor(operands.c);
    const extra =
      test.epilogue === 'bias' ? [tensor(operands.bias)] : test.epilogue === 'residual' ? [tensor(operands.c)] : [];
    const bindings = [tensor(operands.a), tensor(operands.b), ...extra, c].map((t) => t.binding());
    device.dispatch(plan.kernel, bindings, plan.params, plan.workgroups);
    return (await read(c)) as Float32Array;
  });
}

const LAYOUTS = ['nn', 'nt', 'tn', 'tt'];
const EPILOGUES: readonly MatmulEpilogue[] = ['none', 'bias', 'residual', 'accumulate'];
/** An adapter of the default limits, without optional features. */
const plainAdapter = (adapterClass: 'cpu' | 'gpu'): MatmulCapabilities => ({
  adapterClass,
  features: new Set(),
  maxInvocations: 256,
  maxWorkgroupBytes: 16384,
  maxWorkgroups: 65535,
  maxSubgroup: 0,
  matrices: [],
});
const PLAIN_TILES = (['cpu', 'gpu'] as const).flatMap((adapterClass) => {
  const { size, transA, transB, epilogue } = caseOf([64, 64, 64], {});
  return matmulCandidates(size, { transA, transB, epilogue }, plainAdapter(adapterClass)).filter(
    ({ inOrder }) => inOrder,
  );
});
const SMALL_TILE = PLAIN_TILES.find(({ tile }) => tile.rows === 1)!;
const STAGED_TILE = PLAIN_TILES.find(({ tile }) => tile.memory === 'workgroup' && tile.lanesM === 8)!;

describe('the planned kernel', () => {
  it.each(LAYOUTS.flatMap((layout) => EPILOGUES.map((epilogue) => [layout, epilogue] as const)))(
    'agrees with float64 for odd and even sizes, padded rows and batches: %s, epilogue %s',
    async (layout, epilogue) => {
      const variants = [
        caseOf([1, 1, 1], { layout, epilogue }),
        caseOf([5, 3, 7], { layout, epilogue, pad: 2, alpha: -1.25 }),
        caseOf([12, 20, 8], { layout, epilogue, pad: 4, batch: 3 }),
        caseOf([65, 33, 10], { layout, epilogue, batch: 2, sharedB: true, alpha: 2 }),
        caseOf([3, 64, 130], { layout, epilogue, pad: 1 }),
      ];
      for (const test of variants) {
        const operands = operandsOf(test);
        const error = worstError(await run(test, operands), reference(test, operands));
        expect(error, JSON.stringify(test.size)).toBeLessThan(1e-6);
      }
    },
  );

  it('writes zeros, or only the addend, where there is nothing to sum', async () => {
    for (const epilogue of EPILOGUES) {
      const test = caseOf([6, 8, 0], { layout: 'nt', epilogue });
      const operands = operandsOf(test);
      const expected = reference(test, operands);
      for (const tile of [SMALL_TILE, STAGED_TILE]) {
        expect(Array.from(await run(test, operands, tile)), `${epilogue} ${tile.id}`).toEqual(Array.from(expected));
      }
    }
  });

  it('leaves the elements between padded rows alone', async () => {
    const test = caseOf([9, 6, 5], { pad: 3 });
    const operands = operandsOf(test);
    const actual = await run(test, operands);
    for (let i = 0; i < actual.length; i++) if (i % 9 >= 6) expect(actual[i]).toBe(operands.c[i]);
  });

  it('passes infinity and NaN to the row and the column that hold them, and nowhere else', async () => {
    const test = caseOf([10, 12, 8], { layout: 'nt' });
    const operands = operandsOf(test);
    operands.a[3 * 8 + 2] = Number.POSITIVE_INFINITY;
    operands.b[7 * 8 + 5] = Number.NaN;
    const actual = await run(test, operands);
    for (let i = 0; i < actual.length; i++) {
      expect(Number.isFinite(actual[i]), `element ${i}`).toBe(Math.floor(i / 12) !== 3 && i % 12 !== 7);
    }
  });
});

describe('the bits of a value', () => {
  const bits = (values: Float32Array) => Array.from(new Uint32Array(values.buffer, values.byteOffset, values.length));

  // A value is the same for all tiles; that it is also the right one, the tests above show for the planned tile.
  // Between them, nt and tn read either operand along k and across it; nn and tt need not see every tile.
  it.each(LAYOUTS)('do not depend on the tile or on the vector widths: %s', async (layout) => {
    const tiles = layout === 'nt' || layout === 'tn' ? PLAIN_TILES : [SMALL_TILE, STAGED_TILE];
    for (const k of [156, 155]) {
      const test = caseOf([44, 52, k], { layout, epilogue: 'bias', alpha: 0.7 });
      const operands = operandsOf(test);
      const planned = await run(test, operands);
      expect(worstError(planned, reference(test, operands))).toBeLessThan(1e-6);
      for (const tile of tiles) {
        const alignedOffsets = k === 156 || layout === 'tn';
        const actual = await run(test, operands, tile, { ...test.size, alignedOffsets });
        expect(bits(actual), `${tile.id}, K ${k}`).toEqual(bits(planned));
      }
    }
  });

  it('do not depend on how many rows there are beside it', async () => {
    const all = caseOf([300, 64, 172], { layout: 'nt' });
    const operands = operandsOf(all);
    const expected = bits(await run(all, operands));
    for (const m of [1, 2, 7, 33, 130]) {
      const some = caseOf([m, 64, 172], { layout: 'nt' });
      const actual = await run(some, { ...operands, c: operands.c.slice(0, m * 64) });
      expect(bits(actual), `${m} rows`).toEqual(expected.slice(0, m * 64));
    }
  });
});

describe('the plan', () => {
  const plan = (size: readonly [number, number, number], layout: string, adapterClass: 'cpu' | 'gpu') =>
    planMatmul(caseOf(size, { layout }).size, {
      transA: layout[0] === 't',
      transB: layout[1] === 't',
      epilogue: 'none',
      capabilities: plainAdapter(adapterClass),
    });

  it('stages in workgroup memory on a GPU and never on a software adapter', () => {
    expect(plan([2048, 256, 64], 'nt', 'gpu').kernel.constants).toHaveProperty('DEPTH');
    for (const m of [1, 8, 32, 256, 4096]) {
      expect(plan([m, 64, 64], 'nt', 'cpu').kernel.constants).not.toHaveProperty('DEPTH');
    }
  });

  it('has workgroups for every core in the smallest weight gradient', () => {
    const [x, y, z] = plan([64, 64, 4096], 'tn', 'cpu').workgroups;
    expect(x * y * z).toBeGreaterThanOrEqual(4);
  });

  it('puts the lanes of a weight gradient along the shorter side', () => {
    const lanes = (m: number, n: number) => plan([m, n, 4096], 'tn', 'cpu').kernel.constants;
    expect(lanes(512, 128)).toEqual({ LANES_M: 1, LANES_N: 8 });
    expect(lanes(128, 512)).toEqual({ LANES_M: 8, LANES_N: 1 });
  });

  it('puts the lanes of many short rows along N', () => {
    for (const layout of ['nn', 'nt', 'tt']) {
      expect(plan([4096, 64, 64], layout, 'cpu').kernel.constants).toEqual({ LANES_M: 1, LANES_N: 8 });
    }
  });

  it('takes scalar loads for exactly the operands that need them', () => {
    const { tile } = PLAIN_TILES[0]!;
    const vectors = (size: readonly [number, number, number], layout: string) => {
      const test = caseOf(size, { layout });
      return chooseVectors(test.size, test, tile);
    };
    expect(vectors([7, 8, 12], 'nt')).toEqual({ a: 4, b: 4, c: 4 });
    expect(vectors([8, 12, 7], 'tn')).toEqual({ a: 4, b: 4, c: 4 });
    expect(vectors([8, 7, 12], 'nn')).toEqual({ a: 4, b: 1, c: 1 });
    expect(vectors([8, 7, 12], 'nt')).toEqual({ a: 4, b: 4, c: 1 });
    expect(vectors([7, 8, 12], 'tt')).toEqual({ a: 1, b: 4, c: 4 });
  });

  it('counts the work', () => {
    expect(plan([3, 5, 7], 'nn', 'cpu')).toMatchObject({ flops: 210, bytes: 4 * (21 + 35 + 15) });
  });

  it('folds a grid that one dimension cannot count', () => {
    const { size } = caseOf([2, 2, 2], { batch: 70_000 });
    const options = { transA: false, transB: false, epilogue: 'none', capabilities: plainAdapter('gpu') } as const;
    const [x, y, z] = planMatmul(size, options).workgroups;
    expect(Math.max(x, y, z)).toBeLessThanOrEqual(65_535);
    expect(x * y * z).toBeGreaterThanOrEqual(70_000);
  });

  it('names the candidates that there are where an id is not one of them', () => {
    const { size, transA, transB, epilogue } = caseOf([8, 8, 8], {});
    const options = { transA, transB, epilogue, capabilities: plainAdapter('cpu'), candidate: 'none-such' };
    expect(() => planMatmul(size, options)).toThrowError(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(SMALL_TILE.id) }),
    );
  });
});
