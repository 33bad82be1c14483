import type { DType } from '../dtype.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import type { ScalarLike } from '../scalar.ts';
import { packFunctions } from './lib/element.wgsl.ts';
import { elementBits } from './lib/element-bits.ts';
import { moveKernel, movePlan } from './lib/move.wgsl.ts';
import { RANDOM_VALUES_WGSL } from './lib/random-values.wgsl.ts';

/*
 * Math     out[i] = f(Philox(counter (i, step, 0, 0), key (seed, stream))): a pure function of its address
 *          uniform    low + (high - low) u,  u = n / 2^24 from the upper 24 bits n of the first word
 *          normal     mean + deviation sqrt(-2 ln u1) cos(2 pi u2)        (Box-Muller, first and second word)
 *          gumbel     -ln(-ln u)
 *          bernoulli  u < p
 *          integer    low + floor(u bound), bound <= 2^24
 * Layout   out is contiguous.
 * Dispatch one thread a word of the output.
 * Memory   write only.
 * Source   G. E. P. Box and M. E. Muller, 1958; E. J. Gumbel, 1954; Philox: see lib/philox.wgsl.ts.
 */
export type Distribution =
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  | { readonly kind: 'normal'; readonly mean: number; readonly deviation: number }
  | { readonly kind: 'gumbel' }
  | { readonly kind: 'bernoulli'; readonly probability: number }
  | { readonly kind: 'integer'; readonly low: number; readonly bound: number };

export interface RandomAddress {
  readonly seed: ScalarLike;
  readonly stream: number;
  readonly step: ScalarLike;
}

/** 2^24 p rounded up: u < p exactly where the upper 24 bits of the word lie below it. */
export function probabilityThreshold(probability: number): number {
  return Math.ceil(probability * 16777216);
}

const floatBits = (value: number): number => elementBits(value, 'f32');

/** Two parameters of a distribution as bits, and the WGSL of a value from the words `w`. */
function formula(of: Distribution): { bits: [number, number]; value: string; type: 'f32' | 'i32' | 'bool' } {
  const [a, b] = ['bitcast<f32>(params.a)', 'bitcast<f32>(params.b)'];
  switch (of.kind) {
    case 'uniform':
      return {
        bits: [floatBits(of.low), floatBits(of.high - of.low)],
        value: `${a} + ${b} * uniform01(w.x)`,
        type: 'f32',
      };
    case 'normal':
      return {
        bits: [floatBits(of.mean), floatBits(of.deviation)],
        value: `${a} + ${b} * normalOf(w.x, w.y)`,
        type: 'f32',
      };
    case 'gumbel':
      return { bits: [0, 0], value: 'gumbelOf(w.x)', type: 'f32' };
    case 'bernoulli':
      return { bits: [probabilityThreshold(of.probability), 0], value: '(w.x >> 8u) < params.a', type: 'bool' };
    case 'integer':
      // The high word of a product is its floor: exact where f32 would round.
      return {
        bits: [of.low >>> 0, of.bound],
        value: 'bitcast<i32>(params.a + multiplyHigh(w.x & 0xffffff00u, params.b))',
        type: 'i32',
      };
  }
}

/** WGSL expression: the bits that store a value as an element. */
function storedBits(dtype: DType, type: 'f32' | 'i32' | 'bool', value: string): string {
  if (dtype === 'bool') return `select(0u, 1u, ${value})`;
  if (dtype === 'i32' || dtype === 'u32') return type === 'i32' ? `bitcast<u32>(${value})` : `u32(${value})`;
  const float = type === 'bool' ? `select(0.0, 1.0, ${value})` : `f32(${value})`;
  return dtype === 'f32' ? `bitcast<u32>(${float})` : `bits_of_${dtype}(${float})`;
}

/** Binding: out. */
export function planRandom(distribution: Distribution, dtype: DType, size: number, at: RandomAddress): LaunchPlan {
  const { bits, value, type } = formula(distribution);
  const unit = dtype === 'f16' || dtype === 'bf16' ? 'half' : 'word';
  const kernel = moveKernel({
    key: `random/${distribution.kind}/${dtype}`,
    label: `tensor/random/${distribution.kind}`,
    unit,
    inputs: [],
    params: ['seed', 'stream', 'step', 'a', 'b'],
    functions: () => `${RANDOM_VALUES_WGSL}
${dtype === 'f16' || dtype === 'bf16' ? packFunctions(dtype) : ''}
fn element(i: u32, old: U) -> U {
  let w = philox(vec4u(i, params.step, 0u, 0u), vec2u(params.seed, params.stream));
  return ${storedBits(dtype, type, value)};
}`,
  });
  return movePlan(kernel, unit, size, [at.seed, at.stream, at.step, ...bits]);
}
