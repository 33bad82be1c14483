import { createOptimizer, type OptimizerName, Parameters, Tape } from '@dawngrad/autograd';
import {
  type AnyOpDef,
  applyOp,
  bernoulli,
  type Device,
  fill,
  gumbel,
  multinomial,
  normal,
  type OpSample,
  permutation,
  randint,
  sample as sampleTokens,
  scope,
  Tensor,
  uniform,
} from '@dawngrad/tensor';
import { createGpu } from '@dawngrad/tensor/node';
import {
  compilerMessages,
  dtypesOf,
  fuzzCase,
  inDType,
  NULL_BACKEND,
  openNullDevice,
  opTable,
  toTensor,
} from '@dawngrad/tensor/testing';
import { describe, expect, it } from 'vitest';

/** Fuzzed calls of each op besides its samples: other ranks and layouts take other kernels. */
const FUZZED = 4;

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

/** What is no op of the table: random numbers, sampling. */
function recordRandom(device: Device): void {
  scope(() => {
    const at = { seed: 1, stream: 2, step: 3 };
    for (const draw of [uniform, normal, gumbel]) for (const size of [7, 64]) draw(device, [size], at);
    bernoulli(device, [9], 0.5, at);
    randint(device, [9], 0, 5, at);
    permutation(device, 100, at);
    const logits = uniform(device, [3, 300], at);
    for (const replacement of [true, false]) multinomial(logits, 2, { ...at, replacement });
    const [ids, steps] = [0, 1].map(() => Tensor.from(device, [0, 1, 2], [3], 'u32')) as [Tensor, Tensor];
    for (const settings of [
      { temperature: 0, topK: 0, topP: 1, minP: 0 },
      { temperature: 1, topK: 5, topP: 0.9, minP: 0.1 },
    ])
      sampleTokens(logits, ids, steps, settings, at);
  });
}

const OPTIMIZERS: readonly OptimizerName[] = ['adafactor', 'adamw', 'adamw8bit', 'muon', 'sgd'];

function recordOptimizers(device: Device): void {
  for (const name of OPTIMIZERS) {
    const specs = [
      { name: 'layer.weight', shape: [24, 40], decay: true },
      { name: 'layer.bias', shape: [40], decay: false },
    ];
    const parameters = new Parameters(device, `test/${name}`, specs, { trainable: true });
    for (const { gradients } of parameters.arenas) fill(gradients!, 1);
    const optimizer = createOptimizer(name, parameters, { maxNorm: 1 });
    optimizer.step(0.01);
    optimizer.dispose();
    parameters.dispose();
  }
}

describe.each(['cpu', 'gpu'] as const)('every kernel that a %s takes', (adapterClass) => {
  it('compiles with every feature on, without a word of the compiler', async () => {
    const { device, modules } = await openNullDevice(createGpu(NULL_BACKEND), adapterClass);
    for (const def of opTable) {
      for (const sample of samplesOf(def)) recordCall(device, def, sample);
      // Waits for the pipelines: a kernel that does not compile throws here, with its lines of WGSL.
      await device.finish();
    }
    recordRandom(device);
    recordOptimizers(device);
    await device.finish();
    expect(await compilerMessages(modules)).toEqual([]);
    expect(new Set(modules.map(({ code }) => code)).size).toBeGreaterThan(opTable.length);
    console.log(
      `null backend, kernels of a ${adapterClass}: ${modules.length} modules of ${opTable.length} ops and more`,
    );
    device.close();
  }, 300_000);
});
