import type { AnyOpDef, RefArray } from '@dawngrad/tensor';

/**
 * Central differences of the second order on the float64 reference: H v at some coordinates, where H is the
 * Hessian of sum over outputs of (weight * output) by all the inputs and `directions` is v, undefined for inputs
 * that are not differentiated. Directions and coordinates are followed by `step` times the size of the input,
 * where that is below 1: a function may turn within it.
 */
export function numericalCurvature(
  def: AnyOpDef,
  inputs: readonly RefArray[],
  attrs: unknown,
  weights: readonly (Float64Array | undefined)[],
  directions: readonly (Float64Array | undefined)[],
  input: number,
  coordinates: readonly number[],
  step = 1e-4,
): Float64Array {
  const objective = (along: number, at: number, by: number): number => {
    const moved = inputs.map((array, i) => {
      const direction = directions[i];
      const data = array.data.map((x, j) => x + (direction ? along * direction[j]! : 0));
      if (i === input) data[at] = data[at]! + by;
      return { ...array, data };
    });
    return def
      .reference(moved, attrs)
      .reduce((total, { data }, i) => total + (weights[i]?.reduce((sum, w, j) => sum + w * data[j]!, 0) ?? 0), 0);
  };
  const by = step * inputSize(inputs[input]!);
  return Float64Array.from(coordinates, (at) => {
    const slope = (along: number): number => objective(along, at, by) - objective(along, at, -by);
    return (slope(step) - slope(-step)) / (4 * step * by);
  });
}

/** The root mean square of an input, at most 1: what directions over it should be as large as. */
export function inputSize({ data }: RefArray): number {
  const square = data.reduce((total, x) => total + x * x, 0) / Math.max(1, data.length);
  return square > 0 ? Math.min(1, Math.sqrt(square)) : 1;
}
