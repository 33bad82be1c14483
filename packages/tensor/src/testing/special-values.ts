import type { DType } from '../dtype.ts';
import type { AnyOpDef, OpSample, RefArray } from '../op.ts';
import { refArray } from '../ops/reference.ts';
import { broadcastShapes, contiguousStrides, type Shape } from '../shape.ts';
import { asDType, roundToDType } from './round-to-dtype.ts';

/** NaN, infinities, both zeros, denormals, the ends of f32 and f16, and what overflows when squared or added. */
const SPECIALS = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1e-40,
  -1e-40,
  3e-38,
  -1e-30,
  0.5,
  -1,
  2,
  -3,
  90,
  -90,
  65504,
  -70000,
  1e30,
  -3e38,
  3.4028234e38,
];

/** Smallest normal f32. */
const NORMAL = 2 ** -126;

/** A pointwise op on every special value, every pair of them, or every triple. */
export function specialSample(sample: OpSample<unknown>, dtype: DType): OpSample<unknown> {
  const rank = sample.inputs.length;
  const inputs = sample.inputs.map((input, axis): RefArray => {
    const shape = sample.inputs.map((_, i) => (i === axis ? SPECIALS.length : 1)).slice(rank === 1 ? 0 : axis);
    const values = refArray(shape, SPECIALS, input.dtype);
    return (input.dtype ?? 'f32') === 'f32'
      ? asDType(values, dtype)
      : asDType(
          refArray(
            shape,
            SPECIALS.map((value) => (value > 0 ? 1 : 0)),
            input.dtype,
          ),
          input.dtype!,
        );
  });
  return { ...sample, name: `special values in ${dtype}`, inputs };
}

/**
 * The first element of a pointwise result that is neither what the reference gives nor what it gives with denormals
 * taken for zero, which WGSL allows; undefined where all are right. `bound` is relative to the larger of 1 and the
 * element's own value.
 */
export function wrongSpecial(
  def: AnyOpDef,
  sample: OpSample<unknown>,
  values: Float64Array,
  dtype: DType,
  bound: number,
): string | undefined {
  const shape = sample.inputs.reduce((all: Shape, input) => broadcastShapes(def.name, all, input.shape), []);
  const strides = contiguousStrides(shape);
  const variants = flushed(sample).map((inputs) => def.reference(inputs, sample.attrs)[0]!.data);
  for (const [i, actual] of values.entries()) {
    const args = sample.inputs.map((input) => {
      const own = contiguousStrides(input.shape);
      const lead = shape.length - input.shape.length;
      const at = input.shape.reduce(
        (sum, dim, axis) =>
          sum + (dim === 1 ? 0 : (Math.floor(i / strides[axis + lead]!) % shape[axis + lead]!) * own[axis]!),
        0,
      );
      return input.data[at]!;
    });
    const wanted = variants.map((data) => roundToDType(data[i]!, dtype));
    if (!wanted.some((value) => agrees(actual, value, bound))) {
      return `${def.name}(${args.join(', ')}) in ${dtype} is ${actual}, not ${[...new Set(wanted)].join(' or ')}`;
    }
  }
  return undefined;
}

function agrees(actual: number, wanted: number, bound: number): boolean {
  if (Number.isNaN(wanted) || Number.isNaN(actual)) return Number.isNaN(wanted) && Number.isNaN(actual);
  if (actual === wanted) return true;
  if (!Number.isFinite(wanted) || !Number.isFinite(actual)) return false;
  return Math.abs(actual - wanted) <= bound * Math.max(1, Math.abs(wanted)) || Math.abs(actual - wanted) < 2 * NORMAL;
}

/** The inputs as they are, and with the denormals of each input taken for zero. */
function flushed(sample: OpSample<unknown>): RefArray[][] {
  return sample.inputs.reduce<RefArray[][]>(
    (all, input) => {
      const zeroed = { ...input, data: input.data.map((value) => (Math.abs(value) < NORMAL ? value * 0 : value)) };
      return all.flatMap((inputs) => [
        [...inputs, input],
        [...inputs, zeroed],
      ]);
    },
    [[]],
  );
}
