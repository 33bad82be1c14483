import { type AnyOpDef, applyOp, type Device, type DType, type OpSample, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import {
  disagreement,
  dtypesOf,
  inDType,
  opTable,
  paddedLayout,
  plainLayout,
  runSamples,
  type SampleCase,
  type SampleResult,
  toTensor,
} from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

interface NamedCase extends SampleCase {
  readonly name: string;
}

/** Every sample in every element type, and in its own once more on views that leave gaps; fuzzing mixes the two. */
function casesOf(def: AnyOpDef): NamedCase[] {
  const inAllTypes = (sample: OpSample<unknown>): OpSample<unknown>[] =>
    dtypesOf(def).flatMap((dtype: DType) => {
      const converted = inDType(sample, dtype);
      // A shape rule may take a type for some attributes only.
      return converted !== undefined && (dtype === 'f32' || accepts(def, converted)) ? [converted] : [];
    });
  const own = def.samples();
  const samples = own.flatMap(inAllTypes);
  return samples.flatMap((sample) => {
    const plain = { def, sample, name: sample.name };
    if (!own.includes(sample) || !sample.inputs.some((input) => input.shape.length >= 2 && input.data.length > 0))
      return [plain];
    const layouts = sample.inputs.map(({ shape }) =>
      shape.length < 2 ? plainLayout(shape.length) : paddedLayout(shape.length),
    );
    return [plain, { def, sample, layouts, name: `${sample.name}, padded views` }];
  });
}

function accepts(def: AnyOpDef, sample: OpSample<unknown>): boolean {
  try {
    def.infer(
      sample.inputs.map(({ shape, dtype }) => ({ shape, dtype: dtype ?? 'f32' })),
      sample.attrs,
    );
    return true;
  } catch {
    return false;
  }
}

describe.each(opTable.map((def) => [def.name, def] as const))('%s', (_, def) => {
  const cases = casesOf(def);
  let results: readonly SampleResult[] = [];
  beforeAll(async () => {
    // A kernel that ends the device must not fail the ops after it.
    if (device.state !== 'ready') {
      device.close();
      device = await openDevice();
    }
    results = await runSamples(device, cases);
    // Older drivers take their time to compile what an op needs for all element types.
  }, 300_000);

  it.each(cases.map(({ name }, i) => [name, i] as const))('agrees with its float64 reference: %s', (_name, i) => {
    const { sample } = cases[i]!;
    expect(disagreement(results[i]!, def.reference(sample.inputs, sample.attrs), def.tolerance)).toBeUndefined();
  });

  it.each(def.errors().map((error) => [error.name, error] as const))('refuses: %s', (_name, error) => {
    expect(() => def.infer(error.inputs, error.attrs)).toThrowError(expect.objectContaining({ code: error.code }));
  });

  it('refuses element types that it does not take', async ({ skip }) => {
    const other = (['bool', 'u32', 'f16', 'bf16', 'i32'] as const).find((dtype) => !dtypesOf(def).includes(dtype));
    const sample = def.samples()[0]!;
    const at = sample.inputs.findIndex((_input: unknown, i: number) => def.integerInputs?.includes(i) !== true);
    if (other === undefined || at < 0) return skip('takes all of them');
    await scopeAsync(async () => {
      const inputs = sample.inputs.map((input: OpSample<unknown>['inputs'][number], i: number) =>
        toTensor(device, i === at ? { ...input, data: input.data.map(() => 1), dtype: other } : input),
      );
      expect(() => applyOp(def, inputs, sample.attrs)).toThrowError(expect.objectContaining({ code: 'shape' }));
    });
  });
});

describe('lifetimes', () => {
  it('leave no live buffer behind a scope', async () => {
    const before = device.memory.liveBuffers;
    await scopeAsync(async () => {
      for (const def of opTable)
        for (const sample of def.samples())
          applyOp(
            def,
            sample.inputs.map((input) => toTensor(device, input)),
            sample.attrs,
          );
      await device.finish();
    });
    expect(device.memory.liveBuffers).toBe(before);
  });
});
