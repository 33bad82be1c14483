import type { DType } from './dtype.ts';
import { argmax, argmin } from './ops/arg-reduce.ts';
import {
  add,
  atan2,
  divide,
  equal,
  floorDivide,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalOr,
  logicalXor,
  maximum,
  minimum,
  multiply,
  notEqual,
  type Operand,
  pow,
  remainder,
  subtract,
} from './ops/binary.ts';
import { cast } from './ops/cast.ts';
import { clamp } from './ops/clamp.ts';
import { type CumulativeOptions, cumprod, cumsum } from './ops/cumulative.ts';
import { diagonal } from './ops/diagonal.ts';
import type { MatmulAttrs } from './ops/launch-matmul.ts';
import type { ReduceOptions } from './ops/launch-reduce.ts';
import { elu, leakyRelu } from './ops/leaky.ts';
import { matmul } from './ops/matmul.ts';
import type { QuantizedMatrix } from './ops/quantized-matrix.ts';
import { all, any, countNonzero, logSumExp, max, mean, min, norm, prod, sum } from './ops/reduce.ts';
import { flip, select, slice } from './ops/slice.ts';
import { logSoftmax, softmax } from './ops/softmax.ts';
import { chunk, split, unbind } from './ops/split.ts';
import {
  abs,
  acos,
  asin,
  atan,
  ceil,
  cos,
  cosh,
  erf,
  erfc,
  exp,
  exp2,
  expm1,
  isFinite as finite,
  floor,
  gelu,
  geluTanh,
  isInf,
  isNan,
  log,
  log1p,
  log2,
  logicalNot,
  logSigmoid,
  negate,
  reciprocal,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  sinh,
  softplus,
  sqrt,
  square,
  tan,
  tanh,
  trunc,
} from './ops/unary.ts';
import { std, type VarianceOptions, variance } from './ops/variance.ts';
import { expand, permute, reshape, squeeze, transpose, unsqueeze } from './ops/view.ts';
import type { Shape } from './shape.ts';
import { Tensor } from './tensor.ts';

/**
 * Ops as methods, so that they chain: `x.matmul(w).add(b).relu()`. Each is the function of its name with this tensor
 * as its first operand, which the sentences below call x or a.
 */
export interface TensorMethods {
  /** y = -x; a u32 wraps. */
  negate(): Tensor;
  /** y = |x|; the gradient at 0 is 0. */
  abs(): Tensor;
  /** y = x^2. */
  square(): Tensor;
  /** y = -1, 0 or 1 as x is below, at or above 0; NaN of NaN. */
  sign(): Tensor;
  /** y = the largest integer up to x. */
  floor(): Tensor;
  /** y = the smallest integer from x on. */
  ceil(): Tensor;
  /** y = the integer nearest to x, halves to the even one. */
  round(): Tensor;
  /** y = x without its fraction. */
  trunc(): Tensor;
  /** y = 1 / x. */
  reciprocal(): Tensor;
  /** y = x^(1/2); NaN below 0. */
  sqrt(): Tensor;
  /** y = x^(-1/2); NaN below 0. */
  rsqrt(): Tensor;
  /** true where x is NaN. */
  isNan(): Tensor;
  /** true where x is infinite. */
  isInf(): Tensor;
  /** true where x is neither infinite nor NaN. */
  isFinite(): Tensor;
  /** true where x is 0 or false. */
  logicalNot(): Tensor;
  /** y = e^x. */
  exp(): Tensor;
  /** y = 2^x. */
  exp2(): Tensor;
  /** y = e^x - 1, exact near 0. */
  expm1(): Tensor;
  /** y = ln x; -Infinity at 0, NaN below. */
  log(): Tensor;
  /** y = log2 x; -Infinity at 0, NaN below. */
  log2(): Tensor;
  /** y = ln(1 + x), exact near 0. */
  log1p(): Tensor;
  /** y = sin x, x in radians of any size. */
  sin(): Tensor;
  /** y = cos x, x in radians of any size. */
  cos(): Tensor;
  /** y = tan x, x in radians of any size. */
  tan(): Tensor;
  /** y = arcsin x in [-pi/2, pi/2]; NaN outside [-1, 1]. */
  asin(): Tensor;
  /** y = arccos x in [0, pi]; NaN outside [-1, 1]. */
  acos(): Tensor;
  /** y = arctan x in [-pi/2, pi/2]. */
  atan(): Tensor;
  /** y = (e^x - e^-x) / 2. */
  sinh(): Tensor;
  /** y = (e^x + e^-x) / 2. */
  cosh(): Tensor;
  /** y = tanh x. */
  tanh(): Tensor;
  /** y = erf x = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x. */
  erf(): Tensor;
  /** y = 1 - erf x, without cancellation for large x. */
  erfc(): Tensor;
  /** y = 1 / (1 + e^-x). */
  sigmoid(): Tensor;
  /** y = ln sigmoid(x) = -softplus(-x). */
  logSigmoid(): Tensor;
  /** y = x sigmoid(x). */
  silu(): Tensor;
  /** y = x (1 + erf(x / sqrt 2)) / 2 (Hendrycks and Gimpel, "Gaussian error linear units", 2016). */
  gelu(): Tensor;
  /** y = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, an approximation of gelu. */
  geluTanh(): Tensor;
  /** y = ln(1 + e^x). */
  softplus(): Tensor;
  /** y = max(x, 0); NaN of NaN; the gradient at 0 is 0. */
  relu(): Tensor;
  /** x from 0 on, `slope` x below. */
  leakyRelu(slope?: number): Tensor;
  /** x above 0, alpha (e^x - 1) below. */
  elu(alpha?: number): Tensor;
  /** min(max(x, low), high); an infinite bound is none. NaN stays NaN. */
  clamp(low: number, high: number): Tensor;
  /**
   * The values of x as `dtype`. 16-bit floats round to the nearest even; floats become integers by truncation
   * towards 0, held to the ends of the type, NaN becomes 0; i32 and u32 keep their bits; all but 0 is true. Of its
   * own type x comes back as a view.
   */
  cast(dtype: DType): Tensor;
  /** a + b. Of two bools, a or b. */
  add(b: Operand): Tensor;
  /** a - b. */
  subtract(b: Operand): Tensor;
  /** a b. Of two bools, a and b. */
  multiply(b: Operand): Tensor;
  /** a / b; f32 of integers and bools. */
  divide(b: Operand): Tensor;
  /** The largest integer up to a / b; of integers 0 where b is 0. */
  floorDivide(b: Operand): Tensor;
  /** a - b floor(a / b), with the sign of b; of integers 0 where b is 0. */
  remainder(b: Operand): Tensor;
  /** a^b; NaN where a < 0 and b is no integer. Integers wrap, and give 0 where the power is a fraction. */
  pow(b: Operand): Tensor;
  /** max(a, b); NaN where one is NaN. */
  maximum(b: Operand): Tensor;
  /** min(a, b); NaN where one is NaN. */
  minimum(b: Operand): Tensor;
  /** The angle of the point (b, a) in [-pi, pi]. */
  atan2(b: Operand): Tensor;
  /** True where a = b. */
  equal(b: Operand): Tensor;
  /** True where a is not b, also where one is NaN. */
  notEqual(b: Operand): Tensor;
  /** True where a < b. */
  less(b: Operand): Tensor;
  /** True where a <= b. */
  lessEqual(b: Operand): Tensor;
  /** True where a > b. */
  greater(b: Operand): Tensor;
  /** True where a >= b. */
  greaterEqual(b: Operand): Tensor;
  /** True where both a and b are not 0. */
  logicalAnd(b: Operand): Tensor;
  /** True where a or b is not 0. */
  logicalOr(b: Operand): Tensor;
  /** True where exactly one of a and b is not 0. */
  logicalXor(b: Operand): Tensor;
  /**
   * a b over the last two dimensions; `transA`/`transB` read an operand transposed without a copy. b may be a
   * quantised matrix, which takes no gradient; then a is [..., M, K] as it stands. Throws ToolError 'shape'.
   */
  matmul(b: Tensor | QuantizedMatrix, attrs?: Partial<MatmulAttrs>): Tensor;
  /** Sum over axes: the type of x; i32 for bool. Of nothing 0. */
  sum(options?: ReduceOptions): Tensor;
  /** Mean over axes: the type of x; f32 for integers and bool. Of nothing NaN. */
  mean(options?: ReduceOptions): Tensor;
  /** Product over axes: the type of x; i32 for bool. Of nothing 1. */
  prod(options?: ReduceOptions): Tensor;
  /** Largest element over axes, NaN if any is. Refuses nothing. */
  max(options?: ReduceOptions): Tensor;
  /** Smallest element over axes, NaN if any is. Refuses nothing. */
  min(options?: ReduceOptions): Tensor;
  /** bool: some element over the axes is not zero. Of nothing false. */
  any(options?: ReduceOptions): Tensor;
  /** bool: no element over the axes is zero. Of nothing true. */
  all(options?: ReduceOptions): Tensor;
  /** i32: how many elements over the axes are not zero. */
  countNonzero(options?: ReduceOptions): Tensor;
  /** ln sum e^x over axes. Of nothing -inf. */
  logSumExp(options?: ReduceOptions): Tensor;
  /** Euclidean norm over axes, sqrt(sum x^2). Of nothing 0. */
  norm(options?: ReduceOptions): Tensor;
  /**
   * u32 position of the largest element over axes, counted in row-major order over the reduced axes (so over all
   * axes it is the flat index). The first of equal ones; the first NaN if there is one. Refuses nothing.
   */
  argmax(options?: ReduceOptions): Tensor;
  /** u32 position of the smallest element over axes; see `argmax`. */
  argmin(options?: ReduceOptions): Tensor;
  /**
   * Variance over axes, in one pass over memory and without cancellation. NaN where n is not above the correction.
   */
  variance(options?: VarianceOptions): Tensor;
  /** Standard deviation over axes: the square root of the variance. */
  std(options?: VarianceOptions): Tensor;
  /** Sums of the elements up to each one along an axis. The type of x; i32 for bool. */
  cumsum(options?: CumulativeOptions): Tensor;
  /** Products of the elements up to each one along an axis. The type of x; i32 for bool. */
  cumprod(options?: CumulativeOptions): Tensor;
  /** Softmax along an axis, the last one by default. A row of -inf gives 0. */
  softmax(axis?: number): Tensor;
  /** Log-softmax along an axis, the last one by default. */
  logSoftmax(axis?: number): Tensor;
  /** Another shape over the same elements; one dimension may be -1. A view unless the elements are out of order. */
  reshape(shape: Shape): Tensor;
  /** Dimensions in another order: output axis i is `axes[i]` of x. A view. */
  permute(axes: readonly number[]): Tensor;
  /** Swaps two dimensions, by default the last two. A view. */
  transpose(a?: number, b?: number): Tensor;
  /** Stretches dimensions of size 1, and adds leading ones, up to `shape`. A view. */
  expand(shape: Shape): Tensor;
  /** Drops dimensions of size 1: those of `axes`, by default all. A view. */
  squeeze(axes?: readonly number[]): Tensor;
  /** A new dimension of size 1 that stands at `axis` of the result. A view. */
  unsqueeze(axis: number): Tensor;
  /**
   * Elements start, start + step, ... before `end` along `axis`, as NumPy's `x[start:end:step]`: negative bounds
   * count from the end, bounds outside are cut, and a bound left out is the first or last element in the step's
   * direction. A view. Throws ToolError 'shape' for a step of 0 or fractions.
   */
  slice(axis: number, start?: number, end?: number, step?: number): Tensor;
  /** One index along an axis, which is dropped; a negative index counts from the end. A view. */
  select(axis: number, index: number): Tensor;
  /** The elements along the given axes in reverse order, by default along all. A view. */
  flip(axes?: readonly number[]): Tensor;
  /** Consecutive parts along an axis, of the given sizes, which must add up to its size. Views. */
  split(sizes: readonly number[], axis?: number): Tensor[];
  /**
   * `count` consecutive parts along an axis; the first ones are one larger where the size does not divide. Views.
   */
  chunk(count: number, axis?: number): Tensor[];
  /** The parts of size 1 along an axis, without it. Views. */
  unbind(axis?: number): Tensor[];
  /** The diagonal of the last two dimensions, k above the main one. A view. */
  diagonal(k?: number): Tensor;
}

declare module './tensor.ts' {
  interface Tensor extends TensorMethods {}
}

type FunctionOf<Method> = Method extends (...rest: infer Rest) => infer Result
  ? (x: Tensor, ...rest: Rest) => Result
  : never;

/** The function behind each method. */
export const tensorMethods = {
  negate,
  abs,
  square,
  sign,
  floor,
  ceil,
  round,
  trunc,
  reciprocal,
  sqrt,
  rsqrt,
  isNan,
  isInf,
  isFinite: finite,
  logicalNot,
  exp,
  exp2,
  expm1,
  log,
  log2,
  log1p,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  erf,
  erfc,
  sigmoid,
  logSigmoid,
  silu,
  gelu,
  geluTanh,
  softplus,
  relu,
  leakyRelu,
  elu,
  clamp,
  cast,
  add,
  subtract,
  multiply,
  divide,
  floorDivide,
  remainder,
  pow,
  maximum,
  minimum,
  atan2,
  equal,
  notEqual,
  less,
  lessEqual,
  greater,
  greaterEqual,
  logicalAnd,
  logicalOr,
  logicalXor,
  matmul,
  sum,
  mean,
  prod,
  max,
  min,
  any,
  all,
  countNonzero,
  logSumExp,
  norm,
  argmax,
  argmin,
  variance,
  std,
  cumsum,
  cumprod,
  softmax,
  logSoftmax,
  reshape,
  permute,
  transpose,
  expand,
  squeeze,
  unsqueeze,
  slice,
  select,
  flip,
  split,
  chunk,
  unbind,
  diagonal,
} satisfies { readonly [Name in keyof TensorMethods]: FunctionOf<TensorMethods[Name]> };

for (const [name, apply] of Object.entries(tensorMethods) as [string, (x: Tensor, ...rest: unknown[]) => unknown][]) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: unknown[]): unknown {
      return apply(this, ...rest);
    },
    configurable: true,
    writable: true,
  });
}
