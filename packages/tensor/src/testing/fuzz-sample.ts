import type { AnyOpDef, OpSample, TensorSpec } from '../op.ts';
import { type Shape, sizeOf } from '../shape.ts';
import type { Draw } from './draw.ts';

/** Most elements of an input that a derived case may have. */
const MOST_ELEMENTS = 4000;

/**
 * A random call of an op: its own generator's, or one derived from its samples. Derived cases take one sample,
 * give every size in it another one, the same everywhere, where the op's shape rule takes that, and draw
 * values between the sample's. Inputs with indices keep their sizes, as their values depend on the others'.
 */
export function fuzzSample(def: AnyOpDef, draw: Draw): OpSample<unknown> {
  if (def.fuzz !== undefined) return def.fuzz(draw);
  const sample: OpSample<unknown> = draw.of(def.samples());
  const shapes = resized(def, sample, draw) ?? sample.inputs.map((input) => input.shape);
  return {
    ...sample,
    name: `like "${sample.name}"`,
    inputs: sample.inputs.map((input, i) => (isIndex(def, i) ? input : draw.valuesLike(input, shapes[i]!))),
  };
}

function isIndex(def: AnyOpDef, input: number): boolean {
  return def.integerInputs?.includes(input) === true;
}

/** Shapes with other sizes that the shape rule takes, or undefined where the sample's attributes fix the sizes. */
function resized(def: AnyOpDef, sample: OpSample<unknown>, draw: Draw): Shape[] | undefined {
  if (sample.inputs.some((_, i) => isIndex(def, i))) return undefined;
  // 1 stays 1: it may be a stretched dimension.
  const sizes = [...new Set(sample.inputs.flatMap((input) => input.shape))].filter((size) => size > 1);
  for (let attempt = 0; attempt < 4; attempt++) {
    const renamed = new Map(sizes.map((size) => [size, draw.size()]));
    const shapes = sample.inputs.map((input) => input.shape.map((dim) => renamed.get(dim) ?? dim));
    if (shapes.some((shape) => sizeOf(shape) > MOST_ELEMENTS)) continue;
    const specs = shapes.map((shape, i): TensorSpec => ({ shape, dtype: sample.inputs[i]!.dtype ?? 'f32' }));
    try {
      if (def.infer(specs, sample.attrs).some(({ shape }) => sizeOf(shape) > 4 * MOST_ELEMENTS)) continue;
      return shapes;
    } catch {
      // The attributes belong to the sample's own sizes.
    }
  }
  return undefined;
}
