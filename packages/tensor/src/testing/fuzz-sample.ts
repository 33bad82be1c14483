import type { AnyOpDef, OpSample, TensorSpec } from '../op.ts';
import { broadcastShapes, type Shape, sameShape, sizeOf } from '../shape.ts';
import type { Draw } from './draw.ts';

/** Most elements of an input that a derived case may have. */
const MOST_ELEMENTS = 4000;

/**
 * A random call of an op: its own generator's, or one derived from a sample. Ops that broadcast get operands of any
 * rank; others get other sizes, the same wherever the sample has the same, where the op's shape rule takes that. Values
 * are drawn between the sample's. Inputs with indices keep their sizes, as their values depend on the others'.
 */
export function fuzzSample(def: AnyOpDef, draw: Draw): OpSample<unknown> {
  if (def.fuzz !== undefined) return def.fuzz(draw);
  const sample: OpSample<unknown> = draw.of(def.samples());
  const shapes = broadcastOperands(def, sample, draw) ?? resized(def, sample, draw);
  return {
    ...sample,
    name: `like "${sample.name}"`,
    inputs: sample.inputs.map((input, i) =>
      isIndex(def, i) ? input : draw.valuesLike(input, shapes?.[i] ?? input.shape),
    ),
  };
}

function isIndex(def: AnyOpDef, input: number): boolean {
  return def.integerInputs?.includes(input) === true;
}

/** The output shapes, or undefined where the op refuses the inputs. */
function inferred(def: AnyOpDef, sample: OpSample<unknown>, shapes: readonly Shape[]): readonly Shape[] | undefined {
  const specs = shapes.map((shape, i): TensorSpec => ({ shape, dtype: sample.inputs[i]!.dtype ?? 'f32' }));
  try {
    return def.infer(specs, sample.attrs).map(({ shape }) => shape);
  } catch {
    return undefined;
  }
}

/** Random operands of an op whose one output has the broadcast shape of its inputs, whatever that is. */
function broadcastOperands(def: AnyOpDef, sample: OpSample<unknown>, draw: Draw): Shape[] | undefined {
  const count = sample.inputs.length;
  if (count === 0) return undefined;
  const probes: readonly Shape[] = [[], [3], [2, 1, 4]];
  const broadcasts = probes.every((probe) => {
    const shapes = sample.inputs.map((_, i) => (i % 2 === 0 ? probe : probe.map(() => 1)));
    const outputs = inferred(def, sample, shapes);
    return outputs?.length === 1 && sameShape(outputs[0]!, probe);
  });
  if (!broadcasts) return undefined;
  const out = draw.shape(draw.below(7), 1000);
  const shapes = sample.inputs.map(() => (count === 1 ? out : draw.broadcastTo(out)));
  const whole = shapes.reduce((all: Shape, shape) => broadcastShapes(def.name, all, shape), []);
  return sizeOf(whole) <= MOST_ELEMENTS && inferred(def, sample, shapes) !== undefined ? shapes : undefined;
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
    const outputs = inferred(def, sample, shapes);
    if (outputs?.every((shape) => sizeOf(shape) <= 4 * MOST_ELEMENTS)) return shapes;
  }
  return undefined;
}
