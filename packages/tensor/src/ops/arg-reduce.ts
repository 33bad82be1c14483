import type { DType } from '../dtype.ts';
import { applyOp, type OpDef } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import {
  checkReduction,
  launchReduce,
  type ReduceAttrs,
  type ReduceOptions,
  reducedShape,
  reduceReference,
  resolveAxes,
} from './launch-reduce.ts';
import { fuzzReduction, reduceErrors, reduceSamples } from './reduce-samples.ts';

const ALL: readonly DType[] = ['f32', 'f16', 'bf16', 'i32', 'u32', 'bool'];

function argDef(name: 'argmax' | 'argmin'): OpDef<ReduceAttrs> {
  const beats = (a: number, b: number): boolean => (name === 'argmax' ? a > b : a < b);
  // Halves, so that there are ties.
  const halves = (value: number): number => Math.round(2 * value) / 2;
  return {
    name,
    doc: `u32 position of the ${name === 'argmax' ? 'largest' : 'smallest'} element over axes, counted in row-major order over them; the first one, and the first NaN if there is one`,
    dtypes: ALL,
    tolerance: 'exact',
    nonDifferentiable: 'a position is constant almost everywhere',
    infer: ([x], attrs) => {
      checkReduction(name, x!.shape, attrs, false);
      return [{ shape: reducedShape(x!.shape, attrs), dtype: 'u32' }];
    },
    run: ([x], [out], attrs) => [launchReduce(name, x!, attrs, out!, 0)],
    reference: ([x], attrs) => [
      reduceReference(x!, attrs, 'u32', (values) =>
        values.reduce((best, value, i) => {
          const current = values[best]!;
          if (Number.isNaN(current)) return best;
          return Number.isNaN(value) || beats(value, current) ? i : best;
        }, 0),
      ),
    ],
    samples: () => reduceSamples(name === 'argmax' ? 780 : 790, halves),
    fuzz: (draw) => fuzzReduction(draw, false, halves),
    errors: () => reduceErrors(false),
  };
}

export const argmaxOp: OpDef<ReduceAttrs> = argDef('argmax');
export const argminOp: OpDef<ReduceAttrs> = argDef('argmin');

/**
 * u32 position of the largest element over axes, counted in row-major order over the reduced axes (so over
 * all axes it is the flat index). The first of equal ones; the first NaN if there is one. Refuses nothing.
 */
export function argmax(x: Tensor, options: ReduceOptions = {}): Tensor {
  return applyOp(argmaxOp, [x], resolveAxes('argmax', x.rank, options))[0]!;
}

/** u32 position of the smallest element over axes; see `argmax`. */
export function argmin(x: Tensor, options: ReduceOptions = {}): Tensor {
  return applyOp(argminOp, [x], resolveAxes('argmin', x.rank, options))[0]!;
}
