import { type Device, linear, matmul, read, readAll, scopeAsync, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBf16, decodeF16, encodeBf16, encodeF16 } from '../../src/dtype.ts';
import { matmulCandidates } from '../../src/kernels/matmul-candidates.ts';
import { matmulCapabilities } from '../../src/kernels/matmul-capabilities.ts';
import { planMatmul } from '../../src/kernels/matmul-plan.ts';
import type {
  MatmulCandidate,
  MatmulCapabilities,
  MatmulVariant,
  WeightFormat,
} from '../../src/kernels/matmul-spec.ts';
import { WEIGHT_BLOCK } from '../../src/kernels/matmul-weight.wgsl.ts';
import { dequantizeBlocks, type QuantizedBlocks, quantizeBlocks } from '../../src/kernels/quantize.ts';
import { recordPlan } from '../../src/ops/matmul-launch.ts';
import { type Case, caseOf, type Operands, operandsOf, reference } from './matmul-harness.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ experimental: true });
});
afterAll(() => device.close());

/** The candidates of both kinds of adapter, as far as this one can run them. */
function candidatesOf(test: Case, variant: Partial<MatmulVariant>): [MatmulCandidate, MatmulCapabilities][] {
  const seen = new Set<string>();
  return (['cpu', 'gpu'] as const).flatMap((adapterClass) => {
    const capabilities = { ...matmulCapabilities(device), adapterClass };
    return matmulCandidates(test.size, { ...test, ...variant }, capabilities)
      .filter(({ id }) => !seen.has(id) && seen.add(id))
      .map((candidate): [MatmulCandidate, MatmulCapabilities] => [candidate, capabilities]);
  });
}

/**
 * One candidate of every kind, for adapters that compile slowly: those without f16 are interpreters and older
 * drivers.
 */
const EVERY_KIND =
  /^(stream-|registers-4x4-1x8|registers-[14]x4-1x(8x4|1x8|1x32)$|workgroup-4x4-8x8-32|subgroup-8x4-1x8)/;
const worthTesting = (): RegExp => (device.features.has('shader-f16') ? /./ : EVERY_KIND);

/** B as the format stores it, and the f32 values that it stands for. */
function stored(values: Float32Array, format: WeightFormat): { values: Float32Array; tensors: () => Tensor[] } {
  const upload = (data: Uint16Array | Uint32Array | Float32Array, dtype: 'f32' | 'f16' | 'bf16' | 'u32') =>
    Tensor.from(device, data, [data.length], dtype);
  switch (format) {
    case 'f32':
      return { values, tensors: () => [upload(values, 'f32')] };
    case 'f16':
    case 'bf16': {
      const [encode, decode] = format === 'f16' ? [encodeF16, decodeF16] : [encodeBf16, decodeBf16];
      const bits = Uint16Array.from(values, encode);
      return { values: Float32Array.from(bits, decode), tensors: () => [upload(bits, format)] };
    }
    default: {
      const blocks: QuantizedBlocks = quantizeBlocks(values, format);
      const { codes, scales } = blocks;
      return {
        values: dequantizeBlocks(blocks, format),
        tensors: () => [upload(codes, 'u32'), upload(scales, scales instanceof Float32Array ? 'f32' : 'f16')],
      };
    }
  }
}

/** Runs every candidate; reads all results at once. */
async function runAll(
  test: Case,
  operands: Operands,
  variant: Partial<MatmulVariant>,
  only: RegExp,
  capabilitiesOf: (capabilities: MatmulCapabilities) => MatmulCapabilities = (same) => same,
): Promise<{ id: string; inOrder: boolean; values: Float32Array }[]> {
  const format = variant.weight ?? 'f32';
  const block = WEIGHT_BLOCK[format];
  const whole = Math.floor(operands.b.length / block) * block;
  return scopeAsync(async () => {
    const [b, scales] = stored(operands.b.subarray(0, whole), format).tensors();
    const a = stored(operands.a, variant.input ?? 'f32').tensors()[0]!;
    const tensor = (values: Float32Array) => Tensor.from(device, values, [values.length]);
    const extra =
      test.epilogue === 'bias' ? tensor(operands.bias) : test.epilogue === 'residual' ? tensor(operands.c) : undefined;
    const results: { id: string; inOrder: boolean; values: Float32Array }[] = [];
    for (const [candidate, given] of candidatesOf(test, variant).filter(([{ id }]) => only.test(id))) {
      const c = tensor(operands.c);
      const all = { ...test, ...variant };
      const plan = planMatmul(test.size, { ...all, capabilities: capabilitiesOf(given), candidate: candidate.id });
      const buffers = {
        a: a.binding(),
        b: b!.binding(),
        scales: scales?.binding(),
        extra: extra?.binding(),
        fused: [],
        c: c.binding(),
      };
      recordPlan(device, plan, { size: test.size, variant: all, buffers }, () => plan);
      results.push({ id: candidate.id, inOrder: candidate.inOrder, values: (await read(c)) as Float32Array });
    }
    return results;
  });
}

const bits = (values: Float32Array) => Array.from(new Uint32Array(values.buffer, values.byteOffset, values.length));

/** Each result against float64; those that sum in order, against each other to the last bit. */
async function check(test: Case, variant: Partial<MatmulVariant> = {}, bound = 2e-6, only = /./): Promise<string[]> {
  const operands = operandsOf(test);
  const format = variant.weight ?? 'f32';
  const block = WEIGHT_BLOCK[format];
  const padded = operands.b.subarray(0, Math.floor(operands.b.length / block) * block);
  const expected = reference(test, {
    ...operands,
    a: stored(operands.a, variant.input ?? 'f32').values,
    b: stored(padded, format).values,
  });
  const results = await runAll(test, operands, variant, only);
  const first = results.find(({ inOrder }) => inOrder);
  for (const { id, inOrder, values } of results) {
    expect(worstError(values, expected), `${id} ${JSON.stringify(test.size)}`).toBeLessThan(bound);
    if (inOrder) expect(bits(values), `${id} against ${first!.id}`).toEqual(bits(first!.values));
  }
  return results.map(({ id }) => id);
}

describe.each(['nn', 'nt', 'tn', 'tt'])('every candidate, %s', (layout) => {
  it('agrees with float64 for a handful of rows and sums worth splitting', async () => {
    const ids = await check(caseOf([3, 36, 524], { layout, epilogue: 'bias', alpha: 0.5 }));
    expect(ids.some((id) => id.endsWith('/split4'))).toBe(true);
    expect(ids.some((id) => /^registers-\d+x\d+-\d+x\d+x(4|16|32|64)$/.test(id))).toBe(true);
  });

  it('agrees with float64 for odd sizes, padded rows and batches', async () => {
    const kinds = layout === 'nt' ? worthTesting() : EVERY_KIND;
    await check(caseOf([5, 7, 261], { layout, epilogue: 'residual', pad: 1, batch: 2 }), {}, 2e-6, kinds);
    await check(caseOf([1, 1, 1], { layout }), {}, 2e-6, EVERY_KIND);
    await check(caseOf([34, 65, 18], { layout, epilogue: 'accumulate', batch: 3, sharedB: true }), {}, 2e-6, kinds);
  });

  it('leaves the epilogue where there is nothing to sum', async () => {
    await check(caseOf([2, 5, 0], { layout, epilogue: 'bias' }), {}, 2e-6, EVERY_KIND);
  });
});

describe('16-bit operands', () => {
  it.each([
    ['f32', 'f16'],
    ['f32', 'bf16'],
    ['f16', 'bf16'],
    ['bf16', 'f16'],
  ] as const)('%s times %s agrees with float64 of the rounded values', async (input, weight) => {
    await check(caseOf([3, 12, 40], { layout: 'nt', epilogue: 'bias' }), { input, weight }, 2e-6, EVERY_KIND);
    await check(caseOf([2, 11, 17], { layout: 'nn', batch: 2 }), { input, weight }, 2e-6, EVERY_KIND);
    await check(caseOf([6, 10, 13], { layout: 'tn' }), { input, weight }, 2e-6, EVERY_KIND);
  });
});

describe('quantised weights', () => {
  it.each(['q8_0', 'q4_0', 'nf4'] as const)('%s agrees with float64 of the dequantised weights', async (weight) => {
    await check(caseOf([2, 9, 320], { layout: 'nt', epilogue: 'bias' }), { weight }, 2e-6, EVERY_KIND);
    await check(caseOf([5, 64, 9], { layout: 'nn', epilogue: 'residual' }), { weight }, 2e-6, EVERY_KIND);
  });

  it.each([1, 2])('q4_0 is streamed in whole blocks for %d rows, to the bits of the tiles', async (rows) => {
    const test = caseOf([rows, 70, 96], { layout: 'nt', epilogue: 'residual' });
    const ids = await check(test, { weight: 'q4_0' }, 2e-6, EVERY_KIND);
    expect(ids.filter((id) => id.startsWith('stream-')).length).toBe(1);
    expect(ids.length).toBeGreaterThan(2);
  });
});

describe('products in f16', () => {
  /** Each operand and each sum of four products is rounded to 11 bits. */
  const bound = 8 * 2 ** -11;

  // Drivers that emulate f16 compile slowly: one kernel of every kind, and each layout with one of them.
  it.for([
    ['nn', /^(stream-|registers-4x4-1x8|matrix-.*-1x1)/],
    ['nt', /^(registers-4x4-1x1x|matrix-.*-2x2)/],
    ['tn', /^workgroup-4x4-8x8-32-f16$/],
    ['tt', /^registers-8x4-8x1/],
  ] as const)('keep within the rounding of the operands and of the products: %s', async ([layout, only], { skip }) => {
    if (!device.features.has('shader-f16')) skip('the adapter has no shader-f16');
    const size = layout === 'nt' ? ([3, 33, 70] as const) : ([35, 33, 70] as const);
    const ids = await check(caseOf(size, { layout, epilogue: 'bias' }), { arithmetic: 'f16' }, bound, only);
    expect(ids.length).toBeGreaterThan(0);
    const hasMatrices = device.subgroupMatrices.some((m) => m.component === 'f16' && m.result === 'f32');
    if (layout[0] === 'n') expect(ids.some((id) => id.startsWith('matrix-'))).toBe(hasMatrices);
  });

  it('are taken by the ops where they are asked for, and only there', async ({ skip }) => {
    if (!device.features.has('shader-f16')) skip('the adapter has no shader-f16');
    await scopeAsync(async () => {
      // 1 + 2^-11 is no f16: rounding it to 1 shows.
      const a = Tensor.from(device, new Float32Array(16).fill(1 + 2 ** -11), [4, 4]);
      const values = await readAll([
        matmul(a, a),
        matmul(a, a, { arithmetic: 'f16' }),
        linear(a, a),
        linear(a, a, { arithmetic: 'f16' }),
      ]);
      expect(values.map((value) => value[5] === 4)).toEqual([false, true, false, true]);
    });
  });

  it('are refused without the feature', () => {
    const test = caseOf([4, 4, 4], {});
    const capabilities = { ...matmulCapabilities(device), features: new Set<string>() };
    expect(() => planMatmul(test.size, { ...test, arithmetic: 'f16', capabilities })).toThrowError(
      expect.objectContaining({ code: 'device' }),
    );
  });
});

describe('a grid over the limit of a dimension', () => {
  it('is folded, for batches and for tiles', async () => {
    const few = (capabilities: MatmulCapabilities) => ({ ...capabilities, maxWorkgroups: 3 });
    for (const test of [caseOf([9, 5, 6], { batch: 5 }), caseOf([70, 66, 300], { layout: 'tn' })]) {
      const operands = operandsOf(test);
      const expected = reference(test, operands);
      for (const { id, values } of await runAll(test, operands, {}, EVERY_KIND, few)) {
        // The device itself would take the grid as it is: the text must count it right all the same.
        expect(worstError(values, expected), id).toBeLessThan(2e-6);
      }
    }
  });
});
