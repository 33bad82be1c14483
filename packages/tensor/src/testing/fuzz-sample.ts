import type { AnyOpDef, OpSample } from '../op.ts';
import { broadcastShapes, type Shape, sizeOf } from '../shape.ts';
import type { Draw } from './draw.ts';
import { inferShapes, isPointwise } from './pointwise.ts';

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

/** Random operands of an op whose one output has the broadcast shape of its inputs, whatever that is. */
function broadcastOperands(def: AnyOpDef, sample: OpSample<unknown>, draw: Draw): Shape[] | undefined {
  if (!isPointwise(def, sample)) return undefined;
  const out = draw.shape(draw.below(7), 1000);
  const shapes = sample.inputs.map(() => (sample.inputs.length === 1 ? out : draw.broadcastTo(out)));
  const whole = shapes.reduce((all: Shape, shape) => broadcastShapes(def.name, all, shape), []);
  return sizeOf(whole) <= MOST_ELEMENTS && inferShapes(def, sample, shapes) !== undefined ? shapes : undefined;
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
    const outputs = inferShapes(def, sample, shapes);
    if (outputs?.every((shape) => sizeOf(shape) <= 4 * MOST_ELEMENTS)) return shapes;
  }
  return undefined;
}
