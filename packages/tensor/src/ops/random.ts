import { type DType, isFloat } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import type { Device } from '../gpu/device.ts';
import { type Distribution, planRandom, type RandomAddress } from '../kernels/random.wgsl.ts';
import { randomKeys } from '../kernels/sort-keys.wgsl.ts';
import type { ScalarLike } from '../scalar.ts';
import type { Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { sortKeys } from './sort-keys.ts';

/**
 * Where random values come from: element i of a tensor is a pure function of (seed, stream, step, i), the same as
 * `new Rng(seed, stream)` gives for (step, i). Two tensors of one address have the same values: give every use a stream
 * of its own, and every step its number. Seed and step may be `Scalar`s, which a compiled step reads at each replay.
 */
export interface RandomOptions {
  readonly seed: ScalarLike;
  /** Default 0. */
  readonly stream?: number;
  /** Default 0. */
  readonly step?: ScalarLike;
}

/** The full address of random options. */
export function randomAddress({ seed, stream = 0, step = 0 }: RandomOptions): RandomAddress {
  return { seed, stream, step };
}

function draw(op: string, device: Device, shape: Shape, of: Distribution, dtype: DType, at: RandomOptions): Tensor {
  const accepted =
    of.kind === 'integer' ? dtype === 'i32' || dtype === 'u32' : isFloat(dtype) || of.kind === 'bernoulli';
  if (!accepted) {
    const expected = of.kind === 'integer' ? 'i32 or u32' : 'f32, f16 or bf16';
    throw new ToolError('shape', { op, expected: `dtype ${expected}`, got: dtype });
  }
  const out = Tensor.empty(device, shape, dtype, `tensor/${op}`);
  if (out.size === 0) return out;
  const { kernel, params, workgroups } = planRandom(of, dtype, out.size, randomAddress(at));
  device.dispatch(kernel, [out.binding()], params, workgroups, { kind: 'opaque' });
  return out;
}

function refuse(op: string, expected: string, got: string): never {
  throw new ToolError('shape', { op, expected, got });
}

/** Uniform values in [low, high), by default [0, 1): bit for bit those of `Rng.uniform`. f32, f16 or bf16. */
export function uniform(
  device: Device,
  shape: Shape,
  options: RandomOptions & { readonly low?: number; readonly high?: number; readonly dtype?: DType },
): Tensor {
  const { low = 0, high = 1, dtype = 'f32' } = options;
  if (!(Number.isFinite(low) && Number.isFinite(high) && low <= high)) {
    refuse('uniform', 'finite bounds low <= high', `${low} and ${high}`);
  }
  return draw('uniform', device, shape, { kind: 'uniform', low, high }, dtype, options);
}

/** Normal values, by default of mean 0 and deviation 1: those of `Rng.normal` to 1e-6. f32, f16 or bf16. */
export function normal(
  device: Device,
  shape: Shape,
  options: RandomOptions & { readonly mean?: number; readonly deviation?: number; readonly dtype?: DType },
): Tensor {
  const { mean = 0, deviation = 1, dtype = 'f32' } = options;
  return draw('normal', device, shape, { kind: 'normal', mean, deviation }, dtype, options);
}

/** Standard Gumbel values -ln(-ln u), those of `Rng.gumbel`: argmax(logits + gumbel) draws from softmax(logits). */
export function gumbel(device: Device, shape: Shape, options: RandomOptions & { readonly dtype?: DType }): Tensor {
  return draw('gumbel', device, shape, { kind: 'gumbel' }, options.dtype ?? 'f32', options);
}

/** True with probability p, where `Rng.uniform` < p. Of any dtype, then 1 and 0; default bool. */
export function bernoulli(
  device: Device,
  shape: Shape,
  probability: number,
  options: RandomOptions & { readonly dtype?: DType },
): Tensor {
  if (!(probability >= 0 && probability <= 1)) refuse('bernoulli', 'a probability in [0, 1]', String(probability));
  return draw('bernoulli', device, shape, { kind: 'bernoulli', probability }, options.dtype ?? 'bool', options);
}

/** Integers in [low, high): low + `Rng.integer`(high - low). At most 2^24 apart. i32 or u32, default i32. */
export function randint(
  device: Device,
  shape: Shape,
  low: number,
  high: number,
  options: RandomOptions & { readonly dtype?: DType },
): Tensor {
  const bound = high - low;
  if (!(Number.isInteger(low) && Number.isInteger(high) && bound >= 1 && bound <= 16777216)) {
    refuse('randint', 'whole bounds low < high, at most 2^24 apart', `${low} and ${high}`);
  }
  return draw('randint', device, shape, { kind: 'integer', low, bound }, options.dtype ?? 'i32', options);
}

/** The numbers 0 ... count - 1 in a random order: that of the words of `Rng` at (step, i). u32 [count]. */
export function permutation(device: Device, count: number, options: RandomOptions): Tensor {
  if (!Number.isInteger(count) || count < 0) refuse('permutation', 'a count', String(count));
  const { seed, stream, step } = randomAddress(options);
  const { keys, positions } = sortKeys(device, randomKeys(seed, stream, step), count, []);
  keys.dispose();
  return positions;
}
