import { grad } from '@dawngrad/autograd';
import {
  add,
  compile,
  type Device,
  multiply,
  type RefArray,
  readAll,
  scopeAsync,
  sum,
  type Tensor,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { Draw, GRADIENT_TOLERANCE, normalArray, toleranceOf, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawProgram, type Program, programReference, programText, runProgram } from './random-program.ts';

/** `npm run test:fuzz -- --programs --seed FIRST --cases COUNT` sets these. */
const FIRST = Number(process.env.DAWNGRAD_FUZZ_SEED ?? 0);
const PROGRAMS = Number(process.env.DAWNGRAD_FUZZ_CASES ?? 24);
const STEPS = 12;
/** Coordinates of each input that are differentiated numerically. */
const COORDINATES = 8;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** sum over results of sum(weight * result), which makes every result matter. */
function weighted(results: readonly Tensor[], weights: readonly Tensor[]): Tensor {
  return results.map((result, i) => sum(multiply(result, weights[i]!))).reduce((a, b) => add(a, b));
}

function numericalGradient(program: Program, weights: readonly RefArray[], input: number, at: number): number {
  const objective = (shift: number): number => {
    const inputs = program.inputs.map((array, i) => {
      if (i !== input) return array;
      const data = Float64Array.from(array.data);
      data[at] = data[at]! + shift;
      return { ...array, data };
    });
    return programReference(program, inputs).reduce(
      (total, { data }, i) => total + data.reduce((part, value, j) => part + value * weights[i]!.data[j]!, 0),
      0,
    );
  };
  return (objective(1e-5) - objective(-1e-5)) / 2e-5;
}

describe('random programs of many ops', () => {
  it.each(Array.from({ length: PROGRAMS }, (_, i) => FIRST + i))(
    'have values and gradients of float64, eager and compiled: seed %i',
    async (seed) => {
      const program = drawProgram(new Draw(seed), STEPS);
      const text = `${programText(program)}\nnpm run test:fuzz -- --programs --seed ${seed}`;
      const expected = programReference(program, program.inputs);
      const weights = expected.map(({ shape }, i) => normalArray(700 + i, shape));
      const step = (inputs: readonly Tensor[], by: readonly Tensor[]): Tensor[] => {
        let results: Tensor[] = [];
        const { gradients } = grad(() => {
          results = runProgram(program, inputs);
          return weighted(results, by);
        }, inputs);
        return [...results, ...gradients];
      };
      const compiled = compile(device, step);
      const [eager, , replayed, again] = await scopeAsync(async () => {
        const inputs = program.inputs.map((array) => toTensor(device, array));
        const by = weights.map((array) => toTensor(device, array));
        const others = program.inputs.map(({ shape }, i) => toTensor(device, normalArray(i, shape)));
        const runs = [step(inputs, by), compiled(others, by), compiled(inputs, by), compiled(inputs, by)];
        const values = await readAll(runs.flat());
        return runs.map((run, i) => values.slice(i * run.length, (i + 1) * run.length));
      });
      compiled.dispose();
      eager!.forEach((values, i) => {
        // A compiler may contract a product and a sum that fusion brought together, so not to the last bit.
        expect(
          worstError(replayed![i]!, Float64Array.from(values)),
          `value ${i} of the compiled step\n${text}`,
        ).toBeLessThan(toleranceOf('transcendental', 'f32'));
        expect(again![i]!, `value ${i} of two replays\n${text}`).toEqual(replayed![i]!);
      });
      expected.forEach(({ data }, i) => {
        expect(worstError(eager![i]!, data), `result ${i}\n${text}`).toBeLessThan(GRADIENT_TOLERANCE);
      });
      program.inputs.forEach(({ data }, input) => {
        const stride = Math.max(1, Math.ceil(data.length / COORDINATES));
        const at = Array.from({ length: Math.ceil(data.length / stride) }, (_, c) => c * stride);
        const gradient = eager![expected.length + input]!;
        const wanted = Float64Array.from(at, (c) => numericalGradient(program, weights, input, c));
        const actual = Float64Array.from(at, (c) => gradient[c]!);
        expect(worstError(actual, wanted), `gradient of input ${input}\n${text}`).toBeLessThan(10 * GRADIENT_TOLERANCE);
      });
    },
  );
});
