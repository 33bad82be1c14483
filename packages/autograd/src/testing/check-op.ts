import { applyOp, type Device, type OpDef, readAll, scopeAsync, Tensor } from '@dawngrad/tensor';
import { normalArray, toTensor, worstError } from '@dawngrad/tensor/testing';
import { Tape } from '../tape.ts';
import { numericalGradient } from './numerical-gradient.ts';

/** Coordinates of an input that are differentiated numerically, spread evenly where it has more. */
const COORDINATES = 48;

/** The largest errors of one sample, each relative to the larger of 1 and the largest value of the reference. */
export interface OpCheck {
  readonly sample: string;
  /** Of the outputs, against the float64 reference. */
  readonly forward: number;
  /** Of the gradients, against central differences of the reference; 0 for an op without one. */
  readonly gradient: number;
}

/** Runs all samples of an op on the device and compares values and gradients with its float64 reference. */
export async function checkOp<Attrs>(device: Device, def: OpDef<Attrs>): Promise<OpCheck[]> {
  const checks: OpCheck[] = [];
  for (const { name, inputs: arrays, attrs, constant } of def.samples()) {
    const expected = def.reference(arrays, attrs);
    const count = def.differentiableOutputs ?? expected.length;
    const weights = expected.map(({ shape }, i) => (i < count ? normalArray(900 + i, shape).data : undefined));
    const isConstant = (i: number): boolean => constant?.includes(i) ?? (arrays[i]!.dtype ?? 'f32') !== 'f32';
    const variable = def.nonDifferentiable === undefined ? arrays.map((_, i) => i).filter((i) => !isConstant(i)) : [];
    const values = await scopeAsync(async () => {
      const inputs = arrays.map((array) => toTensor(device, array));
      const tape = new Tape();
      for (const i of variable) tape.watch(inputs[i]!);
      const outputs = tape.record(() => applyOp(def, inputs, attrs));
      const seeds = outputs.flatMap((tensor, i) => {
        const weight = weights[i];
        return weight ? [{ tensor, seed: Tensor.from(device, Float32Array.from(weight), tensor.shape) }] : [];
      });
      const found = tape.backward(variable.length > 0 ? seeds : [], new Map(), false, new Set());
      return readAll([...outputs, ...variable.map((i) => found.get(inputs[i]!.id)!)]);
    });
    const forward = Math.max(0, ...expected.map(({ data }, i) => worstError(values[i]!, data)));
    const errors = variable.map((input, i) => {
      const gradient = values[expected.length + i]!;
      const stride = Math.max(1, Math.ceil(gradient.length / COORDINATES));
      const coordinates = Array.from({ length: Math.ceil(gradient.length / stride) }, (_, c) => c * stride);
      const differences = numericalGradient(def, arrays, attrs, weights, input, coordinates);
      const actual = Float64Array.from(coordinates, (c) => gradient[c]!);
      return worstError(actual, differences);
    });
    checks.push({ sample: name, forward, gradient: Math.max(0, ...errors) });
  }
  return checks;
}
