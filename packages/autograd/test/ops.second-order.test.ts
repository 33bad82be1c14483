import { grad } from '@dawngrad/autograd';
import { gradientTable, inputSize, numericalCurvature } from '@dawngrad/autograd/testing';
import {
  type AnyOpDef,
  add,
  applyOp,
  type Device,
  multiply,
  type OpSample,
  readAll,
  scope,
  scopeAsync,
  sum,
  Tensor,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray, opTable, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Larger samples take the references too long: each coordinate costs four evaluations. */
const MOST_VALUES = 400;
const COORDINATES = 24;
/**
 * Largest error of H v, relative as everywhere. Its gradient chains twice as many kernels as a first one, and the
 * differences are good to about 1e-8 / step^2 of the largest value.
 */
const TOLERANCE = 5e-4;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

interface Case {
  readonly sample: OpSample<unknown>;
  readonly weights: readonly (Float64Array | undefined)[];
  readonly directions: readonly (Float64Array | undefined)[];
}

function casesOf(def: AnyOpDef): Case[] {
  return def
    .samples()
    .filter(({ inputs }) => {
      const sizes = inputs.map(({ data }) => data.length);
      return sizes.every((size) => size <= MOST_VALUES) && sizes.some((size) => size > 0);
    })
    .slice(0, 3)
    .map((sample) => {
      const outputs = def.reference(sample.inputs, sample.attrs);
      const count = def.differentiableOutputs ?? outputs.length;
      const isConstant = (i: number): boolean =>
        sample.constant?.includes(i) ?? (sample.inputs[i]!.dtype ?? 'f32') !== 'f32';
      return {
        sample,
        weights: outputs.map((output, i) => (i < count ? normalArray(700 + i, output.shape).data : undefined)),
        directions: sample.inputs.map((input, i) =>
          isConstant(i) ? undefined : normalArray(800 + i, input.shape, inputSize(input)).data,
        ),
      };
    })
    .filter(({ directions }) => directions.some((direction) => direction !== undefined));
}

/** The sum of products of tensors and host values. */
function inner(tensors: readonly Tensor[], values: readonly Float64Array[]): Tensor {
  return tensors
    .map((tensor, i) => sum(multiply(tensor, Tensor.from(device, Float32Array.from(values[i]!), tensor.shape))))
    .reduce((a, b) => add(a, b));
}

/** H v by each input with a direction: the gradient of (gradient . v), recorded and not yet computed. */
function curvature(def: AnyOpDef, { sample, weights, directions }: Case): Tensor[] {
  const inputs = sample.inputs.map((input) => toTensor(device, input));
  const variable = inputs.filter((_, i) => directions[i] !== undefined);
  const weighted = (): Tensor => {
    const outputs = applyOp(def, inputs, sample.attrs).filter((_, i) => weights[i] !== undefined);
    return inner(
      outputs,
      weights.filter((w) => w !== undefined),
    );
  };
  const slope = (): Tensor =>
    inner(
      grad(weighted, variable).gradients,
      directions.filter((d) => d !== undefined),
    );
  return grad(slope, variable).gradients;
}

const differentiable = opTable.filter((def) => def.nonDifferentiable === undefined);
const stops = (def: AnyOpDef): boolean => {
  const gradient = gradientTable[def.name];
  return Boolean(gradient?.fused) && gradient?.composed === undefined;
};

describe.each(differentiable.filter((def) => !stops(def)).map((def) => [def.name, def] as const))('%s', (_, def) => {
  const cases = casesOf(def);

  it.runIf(cases.length > 0)('has the second derivatives of its reference, by way of its gradient', async () => {
    await scopeAsync(async () => {
      const recorded = cases.map((one) => scope(() => curvature(def, one)));
      const found = await readAll(recorded.flat());
      let next = 0;
      for (const { sample, weights, directions } of cases) {
        directions.forEach((direction, input) => {
          if (direction === undefined) return;
          const values = found[next++]!;
          const stride = Math.max(1, Math.ceil(values.length / COORDINATES));
          const coordinates = Array.from({ length: Math.ceil(values.length / stride) }, (__, c) => c * stride);
          const expected = numericalCurvature(
            def,
            sample.inputs,
            sample.attrs,
            weights,
            directions,
            input,
            coordinates,
          );
          const actual = Float64Array.from(coordinates, (c) => values[c]!);
          expect(worstError(actual, expected), `${sample.name}, input ${input}`).toBeLessThanOrEqual(TOLERANCE);
        });
      }
    });
  });
});

describe.each(differentiable.filter(stops).map((def) => [def.name, def] as const))(
  '%s, which is fused',
  (name, def) => {
    it('says that it stops at the first derivative, and what to write instead', () => {
      const [first] = casesOf(def);
      expect(first, 'a small sample').toBeDefined();
      const error = new RegExp(
        `^${name}: expected a gradient that can be differentiated again, got a fused one \\(inputs f32 \\[.*Hint: write it as `,
      );
      scope(() => {
        expect(() => curvature(def, first!)).toThrowError(error);
      });
    });
  },
);
