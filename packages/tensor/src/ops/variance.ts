import { applyOp, type OpDef } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import {
  checkReduction,
  launchReduce,
  type ReduceAttrs,
  type ReduceOptions,
  reducedShape,
  reducedSize,
  reduceReference,
  resolveAxes,
} from './launch-reduce.ts';
import { fuzzReduction, reduceErrors, reduceSamples } from './reduce-samples.ts';
import { sqrt } from './unary.ts';

export interface VarianceAttrs extends ReduceAttrs {
  /** What the number of elements is lessened by: 0 for the variance of a population, 1 for an unbiased estimate. */
  readonly correction: number;
}

export const varianceOp: OpDef<VarianceAttrs> = {
  name: 'variance',
  doc: 'sum (x - mean)^2 / (n - correction) over axes; NaN where n is not above the correction',
  dtypes: ['f32', 'f16', 'bf16'],
  tolerance: 'reduction',
  infer: ([x], attrs) => {
    checkReduction('variance', x!.shape, attrs, true);
    return [{ shape: reducedShape(x!.shape, attrs), dtype: x!.dtype }];
  },
  run: ([x], [out], attrs) => {
    const divisor = reducedSize(x!.shape, attrs.axes) - attrs.correction;
    return [launchReduce('variance', x!, attrs, out!, Number.NaN, divisor > 0 ? 1 / divisor : Number.NaN)];
  },
  reference: ([x], attrs) => [
    reduceReference(x!, attrs, x!.dtype ?? 'f32', (values) => {
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const divisor = values.length - attrs.correction;
      return divisor > 0 ? values.reduce((a, b) => a + (b - mean) ** 2, 0) / divisor : Number.NaN;
    }),
  ],
  samples: () =>
    [
      ...reduceSamples(760),
      ...reduceSamples(770, (value) => 30 + value).map((sample) => ({ ...sample, name: `${sample.name}, far from 0` })),
    ].flatMap((sample, i) => {
      const correction = i % 2;
      const size = reducedSize(sample.inputs[0]!.shape, sample.attrs.axes);
      return size > correction ? [{ ...sample, attrs: { ...sample.attrs, correction } }] : [];
    }),
  fuzz: (draw) => {
    const sample = fuzzReduction(draw, true);
    return { ...sample, attrs: { ...sample.attrs, correction: draw.below(2) } };
  },
  errors: () => reduceErrors(true).map((error) => ({ ...error, attrs: { ...error.attrs, correction: 0 } })),
};

export interface VarianceOptions extends ReduceOptions {
  /** Divides by n - correction. Default 0, as NumPy; PyTorch's default is 1. */
  readonly correction?: number;
}

/** Variance over axes, in one pass over memory and without cancellation. NaN where n is not above the correction. */
export function variance(x: Tensor, options: VarianceOptions = {}): Tensor {
  const attrs = { ...resolveAxes('variance', x.rank, options), correction: options.correction ?? 0 };
  return applyOp(varianceOp, [x], attrs)[0]!;
}

/** Standard deviation over axes: the square root of the variance. */
export function std(x: Tensor, options: VarianceOptions = {}): Tensor {
  return sqrt(variance(x, options));
}
