import type { OpErrorSample, OpSample, RefArray } from '../op.ts';
import type { Shape } from '../shape.ts';
import type { Draw } from '../testing/draw.ts';
import type { ReduceAttrs } from './launch-reduce.ts';
import { normalArray, refArray } from './reference.ts';

/** Values of another domain than normal numbers, rounded to f32. */
type Domain = (value: number) => number;

/** Samples of a reduction: every way that its kernel walks memory. */
export function reduceSamples(seed: number, domain: Domain = (value) => value): OpSample<ReduceAttrs>[] {
  const sample = (name: string, shape: Shape, axes: readonly number[], keepDims = false): OpSample<ReduceAttrs> => ({
    name,
    inputs: [inDomain(normalArray(seed + shape.length, shape), domain)],
    attrs: { axes, keepDims },
  });
  return [
    sample('all', [7, 9], [0, 1]),
    sample('rows', [5, 33], [1], true),
    sample('rows of vec4s', [6, 32], [1]),
    sample('columns', [40, 6], [0]),
    sample('columns of vec4s', [30, 8], [0]),
    sample('middle', [3, 4, 5], [1]),
    sample('outer and inner', [3, 4, 5], [0, 2], true),
    sample('long vector in parts', [5003], [0]),
    sample('many rows', [130, 3], [1]),
    sample('no axes', [3, 4], []),
    sample('scalar', [], []),
  ];
}

/** A random sample of any rank and axes. */
export function fuzzReduction(draw: Draw, hasIdentity: boolean, domain: Domain = (v) => v): OpSample<ReduceAttrs> {
  const shape = draw.shape(draw.below(6), 2000, !hasIdentity);
  return {
    name: 'drawn',
    inputs: [draw.normals(shape, domain)],
    attrs: { axes: draw.someAxes(shape.length), keepDims: draw.oneIn(2) },
  };
}

/** Refusals that all reductions share, and the one of those that have no value for nothing. */
export function reduceErrors(hasIdentity: boolean): OpErrorSample<ReduceAttrs>[] {
  const attrs = (...axes: number[]): ReduceAttrs => ({ axes, keepDims: false });
  const twice = { name: 'an axis twice', inputs: [{ shape: [2, 3], dtype: 'f32' }], attrs: attrs(1, 1), code: 'shape' };
  const nothing = { name: 'nothing to reduce', inputs: [{ shape: [0], dtype: 'f32' }], attrs: attrs(0), code: 'shape' };
  return (hasIdentity ? [twice] : [twice, nothing]) as OpErrorSample<ReduceAttrs>[];
}

function inDomain(array: RefArray, domain: Domain): RefArray {
  return refArray(
    array.shape,
    array.data.map((value) => Math.fround(domain(value))),
  );
}
