import type { DType } from '../dtype.ts';
import type { Device } from '../gpu/device.ts';
import { type AnyOpDef, applyOp, type OpSample, type RefArray } from '../op.ts';
import { readAll } from '../ops/read.ts';
import { scope, scopeAsync } from '../scope.ts';
import type { Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { worstError } from './compare.ts';
import { type Layout, placed, plainLayout } from './layout.ts';
import { numbersOf, roundToDType } from './round-to-dtype.ts';
import { type ToleranceClass, toleranceOf } from './tolerance.ts';

/** One call of an op: a sample, and how its inputs lie in memory. */
export interface SampleCase {
  readonly def: AnyOpDef;
  readonly sample: OpSample<unknown>;
  /** Of each input; default plain. */
  readonly layouts?: readonly Layout[];
}

/** What a call gave: values, or the error that it was refused with. */
export type SampleResult =
  | { readonly outputs: readonly { readonly shape: Shape; readonly dtype: DType; readonly values: Float64Array }[] }
  | { readonly error: unknown };

/** Runs many calls on the device and reads all their results in one submit. */
export async function runSamples(device: Device, cases: readonly SampleCase[]): Promise<SampleResult[]> {
  return scopeAsync<SampleResult[]>(async () => {
    const applied = cases.map(({ def, sample, layouts }): readonly Tensor[] | { readonly error: unknown } => {
      try {
        return scope(() =>
          applyOp(
            def,
            sample.inputs.map((input, i) => placed(device, input, layouts?.[i] ?? plainLayout(input.shape.length))),
            sample.attrs,
          ),
        );
      } catch (error) {
        return { error };
      }
    });
    const values = await readAll(applied.flatMap((result) => ('error' in result ? [] : result)));
    let next = 0;
    return applied.map((result) =>
      'error' in result
        ? result
        : {
            outputs: result.map(({ shape, dtype }) => ({ shape, dtype, values: numbersOf(values[next++]!, dtype) })),
          },
    );
  });
}

/** Why a result is not the reference's, or undefined where it agrees. */
export function disagreement(
  result: SampleResult,
  expected: readonly RefArray[],
  tolerance: ToleranceClass | undefined,
): string | undefined {
  if ('error' in result) return `was refused: ${result.error instanceof Error ? result.error.message : result.error}`;
  if (result.outputs.length !== expected.length) return `${result.outputs.length} outputs of ${expected.length}`;
  for (const [i, { shape, dtype, values }] of result.outputs.entries()) {
    const reference = expected[i]!;
    if (shape.join() !== reference.shape.join()) return `output ${i} has shape [${shape}], not [${reference.shape}]`;
    const bound = toleranceOf(tolerance, dtype);
    // What is stored is rounded; only ops that round nothing themselves can be held to the last bit.
    const target = reference.data.map((value) => {
      const stored = roundToDType(value, dtype);
      return bound === 0 || !Number.isFinite(stored) ? stored : value;
    });
    const error = worstError(values, target);
    if (!(error <= bound))
      return `output ${i} (${dtype}) is off by ${error}, allowed ${bound}${firstOff(values, target, bound)}`;
  }
  return undefined;
}

function firstOff(values: Float64Array, target: Float64Array, bound: number): string {
  const scale = target.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 1);
  const at = values.findIndex((value, i) => {
    const wanted = target[i]!;
    return !(Object.is(value, wanted) || Math.abs(value - wanted) <= bound * scale);
  });
  return at < 0 ? '' : `; first at ${at}: ${values[at]}, not ${target[at]}`;
}
