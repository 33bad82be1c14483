import type { AnyOpDef, RefArray } from '@dawngrad/tensor';

/**
 * Central differences of sum over outputs of (weight * output) by one input, on the float64 reference.
 * Outputs without weights do not count. Only the given coordinates of the input are differentiated.
 */
export function numericalGradient(
  def: AnyOpDef,
  inputs: readonly RefArray[],
  attrs: unknown,
  weights: readonly (Float64Array | undefined)[],
  input: number,
  coordinates: readonly number[],
  step = 1e-5,
): Float64Array {
  const objective = (array: RefArray): number => {
    const outputs = def.reference(
      inputs.map((original, i) => (i === input ? array : original)),
      attrs,
    );
    return outputs.reduce(
      (total, output, i) => total + (weights[i]?.reduce((sum, w, j) => sum + w * output.data[j]!, 0) ?? 0),
      0,
    );
  };
  const base = inputs[input]!;
  return Float64Array.from(coordinates, (i) => {
    const shifted = (delta: number): RefArray => {
      const data = Float64Array.from(base.data);
      data[i] = data[i]! + delta;
      return { ...base, data };
    };
    return (objective(shifted(step)) - objective(shifted(-step))) / (2 * step);
  });
}
