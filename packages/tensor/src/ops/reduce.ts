import type { DType } from '../dtype.ts';
import type { Reduction } from '../kernels/reduce-folds.ts';
import { applyOp, type OpDef } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import type { ToleranceClass } from '../testing/tolerance.ts';
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

const FLOATS: readonly DType[] = ['f32', 'f16', 'bf16'];
const ALL: readonly DType[] = [...FLOATS, 'i32', 'u32', 'bool'];

interface ReduceRow {
  readonly doc: string;
  /** Element type of the result by that of the input. */
  readonly out: (dtype: DType) => DType;
  readonly dtypes: readonly DType[];
  readonly tolerance: ToleranceClass;
  /** The result for no elements; undefined where there is none. */
  readonly empty: number | undefined;
  readonly reference: (values: readonly number[], dtype: DType) => number;
  /** Maps standard normal samples into the op's domain. */
  readonly domain?: (value: number) => number;
  readonly nonDifferentiable?: string;
}

const CONSTANT = 'the result is constant almost everywhere';
const same = (dtype: DType): DType => dtype;
/** Bools are counted; integers keep their type and wrap. */
const counted = (dtype: DType): DType => (dtype === 'bool' ? 'i32' : dtype);
const real = (dtype: DType): DType => (FLOATS.includes(dtype) ? dtype : 'f32');
const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
/** Normal values with some zeros. */
const withZeros = (value: number): number => (Math.abs(value) < 0.5 ? 0 : value);

const ROWS = {
  sum: {
    doc: 'sum over axes; a sum of bool is i32',
    out: counted,
    dtypes: ALL,
    tolerance: 'reduction',
    empty: 0,
    reference: total,
  },
  mean: {
    doc: 'sum over axes / number of elements; f32 for integers; NaN of nothing',
    out: real,
    dtypes: ALL,
    tolerance: 'reduction',
    empty: Number.NaN,
    reference: (values) => total(values) / values.length,
  },
  prod: {
    doc: 'product over axes; integers wrap',
    out: counted,
    dtypes: ALL,
    tolerance: 'reduction',
    empty: 1,
    reference: (values, dtype) => {
      if (FLOATS.includes(dtype)) return values.reduce((a, b) => a * b, 1);
      const wrapped = values.reduce((a, b) => Math.imul(a, b), 1);
      return dtype === 'u32' ? wrapped >>> 0 : wrapped;
    },
    // Near 1, so that long products neither vanish nor overflow.
    domain: (value) => Math.sign(value) * Math.exp(0.05 * value),
  },
  max: {
    doc: 'largest over axes, NaN if any is; the gradient goes to every element that attains it, shared equally',
    out: same,
    dtypes: ALL,
    tolerance: 'exact',
    empty: undefined,
    reference: (values) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  },
  min: {
    doc: 'smallest over axes, NaN if any is; the gradient goes to every element that attains it, shared equally',
    out: same,
    dtypes: ALL,
    tolerance: 'exact',
    empty: undefined,
    reference: (values) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
  },
  any: {
    doc: 'true where some element over the axes is not zero (NaN is not)',
    out: () => 'bool',
    dtypes: ALL,
    tolerance: 'exact',
    empty: 0,
    reference: (values) => Number(values.some((value) => value !== 0)),
    domain: withZeros,
    nonDifferentiable: CONSTANT,
  },
  all: {
    doc: 'true where no element over the axes is zero',
    out: () => 'bool',
    dtypes: ALL,
    tolerance: 'exact',
    empty: 1,
    reference: (values) => Number(values.every((value) => value !== 0)),
    domain: withZeros,
    nonDifferentiable: CONSTANT,
  },
  countNonzero: {
    doc: 'i32 number of elements over the axes that are not zero (NaN is not)',
    out: () => 'i32',
    dtypes: ALL,
    tolerance: 'exact',
    empty: 0,
    reference: (values) => values.filter((value) => value !== 0).length,
    domain: withZeros,
    nonDifferentiable: CONSTANT,
  },
  norm: {
    doc: 'Euclidean norm over axes, sqrt(sum x^2); the gradient at 0 is 0',
    out: same,
    dtypes: FLOATS,
    tolerance: 'reduction',
    empty: 0,
    reference: (values) => Math.sqrt(values.reduce((a, b) => a + b * b, 0)),
    domain: (value) => value + Math.sign(value) * 0.1,
  },
  logSumExp: {
    doc: 'ln sum e^x over axes, without overflow; -inf of nothing',
    out: same,
    dtypes: FLOATS,
    tolerance: 'reduction',
    empty: Number.NEGATIVE_INFINITY,
    reference: (values) => {
      const top = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      return Number.isFinite(top) ? top + Math.log(values.reduce((a, b) => a + Math.exp(b - top), 0)) : top;
    },
  },
} satisfies Partial<Record<Reduction, ReduceRow>>;

type Name = keyof typeof ROWS;

function reduceDef(name: Name, seed: number): OpDef<ReduceAttrs> {
  const row: ReduceRow = ROWS[name];
  const hasIdentity = row.empty !== undefined;
  return {
    name,
    doc: row.doc,
    dtypes: row.dtypes,
    tolerance: row.tolerance,
    infer: ([x], attrs) => {
      checkReduction(name, x!.shape, attrs, hasIdentity);
      return [{ shape: reducedShape(x!.shape, attrs), dtype: row.out(x!.dtype) }];
    },
    run: ([x], [out], attrs) => [
      launchReduce(name, x!, attrs, out!, row.empty ?? 0, 1 / reducedSize(x!.shape, attrs.axes)),
    ],
    reference: ([x], attrs) => {
      const dtype = x!.dtype ?? 'f32';
      return [reduceReference(x!, attrs, row.out(dtype), (values) => row.reference(values, dtype))];
    },
    samples: () => reduceSamples(seed, row.domain),
    fuzz: (draw) => fuzzReduction(draw, hasIdentity, row.domain),
    errors: () => reduceErrors(hasIdentity),
    ...(row.nonDifferentiable ? { nonDifferentiable: row.nonDifferentiable } : {}),
  };
}

/** The reductions to one value, by name. */
export const reduceOps: Readonly<Record<Name, OpDef<ReduceAttrs>>> = Object.fromEntries(
  (Object.keys(ROWS) as Name[]).map((name, i) => [name, reduceDef(name, 600 + 10 * i)]),
) as Record<Name, OpDef<ReduceAttrs>>;

const apply =
  (name: Name) =>
  (x: Tensor, options: ReduceOptions = {}): Tensor =>
    applyOp(reduceOps[name], [x], resolveAxes(name, x.rank, options))[0]!;

/** An op over axes of x, by default all. Throws ToolError 'shape' for axes that x lacks or that come twice. */
export type Reduce = (x: Tensor, options?: ReduceOptions) => Tensor;

/** Sum over axes: the type of x; i32 for bool. Of nothing 0. */
export const sum: Reduce = apply('sum');
/** Mean over axes: the type of x; f32 for integers and bool. Of nothing NaN. */
export const mean: Reduce = apply('mean');
/** Product over axes: the type of x; i32 for bool. Of nothing 1. */
export const prod: Reduce = apply('prod');
/** Largest element over axes, NaN if any is. Refuses nothing. */
export const max: Reduce = apply('max');
/** Smallest element over axes, NaN if any is. Refuses nothing. */
export const min: Reduce = apply('min');
/** bool: some element over the axes is not zero. Of nothing false. */
export const any: Reduce = apply('any');
/** bool: no element over the axes is zero. Of nothing true. */
export const all: Reduce = apply('all');
/** i32: how many elements over the axes are not zero. */
export const countNonzero: Reduce = apply('countNonzero');
/** ln sum e^x over axes. Of nothing -inf. */
export const logSumExp: Reduce = apply('logSumExp');
/** Euclidean norm over axes, sqrt(sum x^2). Of nothing 0. */
export const norm: Reduce = apply('norm');
