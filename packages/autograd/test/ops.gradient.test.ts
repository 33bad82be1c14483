import { Tape } from '@dawngrad/autograd';
import { gradientTable, numericalGradient } from '@dawngrad/autograd/testing';
import {
  type AnyOpDef,
  applyOp,
  type Device,
  type HostArray,
  type OpSample,
  readAll,
  scope,
  scopeAsync,
  Tensor,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { GRADIENT_TOLERANCE, normalArray, opTable, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Coordinates of an input that are differentiated numerically, spread evenly where it has more. */
const COORDINATES = 48;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** One sample with the weights of its outputs: the gradient checked is that of sum(weight * output). */
interface GradientCase {
  readonly def: AnyOpDef;
  readonly sample: OpSample<unknown>;
  readonly weights: readonly (Float64Array | undefined)[];
  /** Inputs to differentiate by. */
  readonly variable: readonly number[];
}

function gradientCase(def: AnyOpDef, sample: OpSample<unknown>): GradientCase {
  const outputs = def.reference(sample.inputs, sample.attrs);
  const specs = def.infer(
    sample.inputs.map(({ shape, dtype }) => ({ shape, dtype: dtype ?? 'f32' })),
    sample.attrs,
  );
  // Outputs that carry a gradient: those that the gradient function looks at, all by default. What is stored in
  // 16 bits is a staircase, which central differences say nothing about.
  const count = def.differentiableOutputs ?? outputs.length;
  const carries = (i: number): boolean => i < count && specs[i]!.dtype === 'f32';
  const constant =
    sample.constant ?? sample.inputs.flatMap((input, i) => ((input.dtype ?? 'f32') === 'f32' ? [] : [i]));
  return {
    def,
    sample,
    weights: outputs.map((output, i) => (carries(i) ? normalArray(900 + i, output.shape).data : undefined)),
    variable: sample.inputs.map((_input, i) => i).filter((i) => !constant.includes(i)),
  };
}

/** The gradients of one case by its variable inputs, recorded and not yet computed. */
function recordGradients({ def, sample, weights, variable }: GradientCase): Tensor[] {
  const inputs = sample.inputs.map((input) => toTensor(device, input));
  const tape = new Tape();
  for (const i of variable) tape.watch(inputs[i]!);
  const results = tape.record(() => applyOp(def, inputs, sample.attrs));
  const seeds = results.flatMap((tensor, i) =>
    weights[i] === undefined
      ? []
      : [{ tensor, seed: Tensor.from(device, Float32Array.from(weights[i]), tensor.shape) }],
  );
  const found = tape.backward(seeds, new Map(), true, new Set());
  return variable.map((i) => found.get(inputs[i]!.id)!);
}

/** All gradients of all cases, in one readback. */
async function deviceGradients(cases: readonly GradientCase[]): Promise<HostArray[][]> {
  return scopeAsync<HostArray[][]>(async () => {
    const recorded = cases.map((one) => scope(() => recordGradients(one)));
    const values = await readAll(recorded.flat());
    let next = 0;
    return recorded.map((tensors) => tensors.map(() => values[next++]!));
  });
}

describe.each(opTable.map((def) => [def.name, def] as const))('%s', (_, def) => {
  it('stands in the gradient table, or says why it has no gradient', () => {
    expect(gradientTable[def.name] !== undefined).toBe(def.nonDifferentiable === undefined);
  });

  if (def.nonDifferentiable !== undefined) return;

  const cases = def
    .samples()
    .map((sample) => gradientCase(def, sample))
    .filter(({ variable, weights }) => variable.length > 0 && weights.some((weight) => weight !== undefined));
  let found: HostArray[][] = [];
  beforeAll(async () => {
    // An op that ends the device must not fail the ops after it.
    if (device.state !== 'ready') {
      device.close();
      device = await openDevice();
    }
    found = await deviceGradients(cases);
  }, 300_000);

  it.each(cases.map((one, i) => [one.sample.name, one, i] as const))(
    'has the gradient of its reference: %s',
    (_name, { sample, weights, variable }, at) => {
      variable.forEach((input, i) => {
        const gradient = found[at]![i]!;
        const stride = Math.max(1, Math.ceil(gradient.length / COORDINATES));
        const coordinates = Array.from({ length: Math.ceil(gradient.length / stride) }, (_, c) => c * stride);
        const expected = numericalGradient(def, sample.inputs, sample.attrs, weights, input, coordinates);
        const actual = Float64Array.from(coordinates, (c) => gradient[c]!);
        expect(gradient.length, `size of input ${input}`).toBe(sample.inputs[input]!.data.length);
        expect(worstError(actual, expected), `input ${input}`).toBeLessThanOrEqual(GRADIENT_TOLERANCE);
      });
    },
  );

  it('leaves no buffer behind a backward pass', async () => {
    const before = device.memory.liveBuffers;
    await deviceGradients(cases);
    expect(device.memory.liveBuffers).toBe(before);
  });
});
