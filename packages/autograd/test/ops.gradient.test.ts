import { Tape } from '@dawngrad/autograd';
import { gradientTable, numericalGradient } from '@dawngrad/autograd/testing';
import { applyOp, type Device, type HostArray, readAll, scopeAsync, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray, opTable, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe.each(opTable.map((def) => [def.name, def] as const))('%s', (_, def) => {
  it('stands in the gradient table, or says why it has no gradient', () => {
    expect(gradientTable[def.name] !== undefined).toBe(def.nonDifferentiable === undefined);
  });

  if (def.nonDifferentiable !== undefined) return;

  it.each(def.samples().map((sample) => [sample.name, sample] as const))(
    'has the gradient of its reference: %s',
    async (_name, sample) => {
      const outputs = def.reference(sample.inputs, sample.attrs);
      // Outputs that carry a gradient: those that the gradient function looks at, all by default.
      const count = def.differentiableOutputs ?? outputs.length;
      const weights = outputs.map((output, i) => (i < count ? normalArray(900 + i, output.shape).data : undefined));
      const constant =
        sample.constant ??
        sample.inputs.flatMap((input, i) => (input.dtype === 'u32' || input.dtype === 'i32' ? [i] : []));
      const variable = sample.inputs.map((_input, i) => i).filter((i) => !constant.includes(i));
      const before = device.memory.liveBuffers;
      const gradients = await scopeAsync<HostArray[]>(() => {
        const inputs = sample.inputs.map((input) => toTensor(device, input));
        const tape = new Tape();
        for (const i of variable) tape.watch(inputs[i]!);
        const results = tape.record(() => applyOp(def, inputs, sample.attrs));
        const seeds = results.flatMap((tensor, i) =>
          weights[i] === undefined
            ? []
            : [{ tensor, seed: Tensor.from(device, Float32Array.from(weights[i]!), tensor.shape) }],
        );
        const found = tape.backward(seeds, new Map(), true, new Set());
        return readAll(variable.map((i) => found.get(inputs[i]!.id)!));
      });
      expect(device.memory.liveBuffers).toBe(before);
      variable.forEach((input, i) => {
        // All coordinates of small inputs; a spread of them where the reference would take minutes.
        const size = gradients[i]!.length;
        const stride = Math.max(1, Math.ceil(size / 48));
        const coordinates = Array.from({ length: Math.ceil(size / stride) }, (_, c) => c * stride);
        const expected = numericalGradient(def, sample.inputs, sample.attrs, weights, input, coordinates);
        const actual = Float64Array.from(coordinates, (c) => gradients[i]![c]!);
        expect(worstError(actual, expected), `input ${input}`).toBeLessThan(1e-4);
      });
    },
  );
});
