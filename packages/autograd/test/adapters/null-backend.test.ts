import { Tape } from '@dawngrad/autograd';
import { type AnyOpDef, applyOp, type Device, type OpSample, scope, Tensor } from '@dawngrad/tensor';
import { dtypesOf, fuzzCase, inDType, opTable, toTensor } from '@dawngrad/tensor/testing';
import { describe, expect, it } from 'vitest';
import { openNullDevice } from './null-device.ts';

/** Fuzzed calls of each op besides its samples: other ranks and layouts take other kernels. */
const FUZZED = 10;

function samplesOf(def: AnyOpDef): OpSample<unknown>[] {
  const drawn = Array.from({ length: FUZZED }, (_, seed) => fuzzCase(def, seed).sample);
  const written = def.samples().flatMap((sample: OpSample<unknown>) =>
    dtypesOf(def).flatMap((dtype) => {
      const converted = inDType(sample, dtype);
      return converted === undefined || !isTaken(def, converted) ? [] : [converted];
    }),
  );
  return [...written, ...drawn];
}

function isTaken(def: AnyOpDef, sample: OpSample<unknown>): boolean {
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

/** Records a call and, where there is one, its backward pass. */
function recordCall(device: Device, def: AnyOpDef, sample: OpSample<unknown>): void {
  scope(() => {
    const inputs = sample.inputs.map((input) => toTensor(device, input));
    if (def.nonDifferentiable !== undefined) {
      applyOp(def, inputs, sample.attrs);
      return;
    }
    const tape = new Tape();
    inputs.forEach((input, i) => {
      if (input.dtype === 'f32' && sample.constant?.includes(i) !== true) tape.watch(input);
    });
    const outputs = tape.record(() => applyOp(def, inputs, sample.attrs));
    const count = def.differentiableOutputs ?? outputs.length;
    const seeds = outputs.slice(0, count).filter((tensor) => tensor.dtype === 'f32');
    if (tape.length === 0 || seeds.length === 0) return;
    tape.backward(
      seeds.map((tensor) => ({
        tensor,
        seed: Tensor.from(device, new Float32Array(tensor.size).fill(1), tensor.shape),
      })),
      new Map(),
      true,
      new Set(),
    );
  });
}

describe.each(['cpu', 'gpu'] as const)('every kernel that the ops take on a %s', (adapterClass) => {
  it('compiles with every feature on, without a word of the compiler', async () => {
    const { device, modules } = await openNullDevice(adapterClass);
    for (const def of opTable) {
      for (const sample of samplesOf(def)) recordCall(device, def, sample);
      // Waits for the pipelines: a kernel that does not compile throws here, with its lines of WGSL.
      await device.finish();
    }
    const said: string[] = [];
    for (const { label, messages } of modules) for (const message of await messages) said.push(`${label}: ${message}`);
    expect(said).toEqual([]);
    expect(new Set(modules.map(({ code }) => code)).size).toBeGreaterThan(opTable.length);
    console.log(
      `null backend, kernels of a ${adapterClass}: ${modules.length} modules of ${opTable.length} ops compiled`,
    );
    device.close();
  }, 300_000);
});
