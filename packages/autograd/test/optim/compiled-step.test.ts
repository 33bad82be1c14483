import { accumulateGradients, checkpoint, createOptimizer, type OptimizerName, Parameters } from '@dawngrad/autograd';
import { compile, type Device, linear, mean, read, Scalar, square, subtract, Tensor, tanh } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const SPECS = [
  { name: 'hidden', shape: [16, 8], decay: true },
  { name: 'output', shape: [4, 16], decay: true },
  { name: 'bias', shape: [4], decay: false },
] as const;
const STEPS = 6;
const batch = (step: number): { x: Float32Array; y: Float32Array } => ({
  x: Float32Array.from(normalArray(10 + step, [32, 8]).data),
  y: Float32Array.from(normalArray(50 + step, [32, 4]).data),
});

/** Trains for some steps and gives losses, values and state. */
async function train(name: OptimizerName, isCompiled: boolean): Promise<unknown[]> {
  const parameters = new Parameters(device, 'test/compiled', SPECS, { trainable: true });
  SPECS.forEach((spec, i) => {
    parameters.set(spec.name, Float32Array.from(normalArray(i, spec.shape, 0.3).data));
  });
  const optimizer = createOptimizer(name, parameters, { maxNorm: 1, groups: [{ match: 'bias', lrScale: 2 }] });
  const lr = new Scalar(0);
  const step = (x: Tensor, y: Tensor): Tensor => {
    const { loss } = accumulateGradients([parameters], () => {
      const hidden = checkpoint((input) => tanh(linear(input, parameters.get('hidden'))), [x]);
      const output = linear(hidden, parameters.get('output'), { bias: parameters.get('bias') });
      return { loss: mean(square(subtract(output, y))) };
    });
    optimizer.step(lr);
    return loss;
  };
  const compiled = compile(device, step);
  const losses: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    lr.value = 0.01 * (1 + i);
    const { x, y } = batch(i);
    const inputs = [Tensor.from(device, x, [32, 8]), Tensor.from(device, y, [32, 4])] as const;
    const loss = (isCompiled ? compiled : step)(...inputs);
    losses.push((await read(loss))[0]!);
    for (const tensor of [...inputs, loss]) tensor.dispose();
  }
  const result = [
    losses,
    await read(parameters.arenas[0]!.values),
    await optimizer.state(),
    await read(optimizer.stats),
  ];
  expect(optimizer.stepCount).toBe(STEPS);
  expect(compiled.plans.length).toBe(isCompiled ? 1 : 0);
  compiled.dispose();
  optimizer.dispose();
  parameters.dispose();
  return result;
}

describe('a compiled step', () => {
  it.each(['adamw', 'adamw8bit', 'adafactor', 'muon', 'sgd'] as const)(
    'of %s is the eager one bit for bit, with a new learning rate and step count at each replay',
    async (name) => {
      const [eager, compiled] = [await train(name, false), await train(name, true)];
      expect(compiled).toEqual(eager);
    },
  );
});
