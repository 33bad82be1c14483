import { type DType, isFloat } from '../dtype.ts';

/**
 * How exact an op is, from ops that only move or compare values to fused ones that chain many roundings.
 * - exact: moves, comparisons, selections, integer arithmetic: every bit is right
 * - elementwise: a few roundings of arithmetic that IEEE 754 or WGSL bounds by a few units in the last place
 * - transcendental: exp, log, sin ... within WGSL's own bounds, which grow with the argument
 * - reduction: sums and products over an axis, accumulated in f32
 * - matmul: inner products, accumulated in f32
 * - fused: several of those in a row inside one kernel (attention, norms, losses)
 */
export type ToleranceClass = 'exact' | 'elementwise' | 'transcendental' | 'reduction' | 'matmul' | 'fused';

/**
 * Largest error that a result may have, relative to the larger of 1 and the largest value of the reference
 * (`worstError`). All kernels compute in f32, so 16-bit results add only the rounding of what is stored:
 * half a unit in the last place, 2^-11 for f16 and 2^-8 for bf16 at the top of a binade.
 */
const TOLERANCES: Readonly<
  Record<ToleranceClass, { readonly f32: number; readonly f16: number; readonly bf16: number }>
> = {
  exact: { f32: 0, f16: 0, bf16: 0 },
  elementwise: { f32: 1e-6, f16: 5e-4, bf16: 4e-3 },
  transcendental: { f32: 1e-5, f16: 5.1e-4, bf16: 4e-3 },
  reduction: { f32: 1e-5, f16: 5.1e-4, bf16: 4e-3 },
  matmul: { f32: 1e-5, f16: 5.1e-4, bf16: 4e-3 },
  fused: { f32: 2e-5, f16: 5.2e-4, bf16: 4e-3 },
};

/** The bound for results stored as `dtype`; integers and bools must be exact. */
export function toleranceOf(tolerance: ToleranceClass | undefined, dtype: DType): number {
  return isFloat(dtype) ? TOLERANCES[tolerance ?? 'transcendental'][dtype as 'f32' | 'f16' | 'bf16'] : 0;
}

/**
 * Largest error of a gradient that the device computes in f32 against central differences in float64,
 * relative as above. A gradient chains two to three kernels of the forward's class.
 */
export const GRADIENT_TOLERANCE = 1e-4;
