import type { AnyOpDef, OpSample } from '../op.ts';
import { type Shape, sameShape } from '../shape.ts';

/** True for an op of one output with the broadcast shape of its inputs, whatever that is. */
export function isPointwise(def: AnyOpDef, sample: OpSample<unknown>): boolean {
  const count = sample.inputs.length;
  if (count === 0) return false;
  const probes: readonly Shape[] = [[], [3], [2, 1, 4]];
  return probes.every((probe) => {
    const shapes = sample.inputs.map((_, i) => (i % 2 === 0 ? probe : probe.map(() => 1)));
    const outputs = inferShapes(def, sample, shapes);
    return outputs?.length === 1 && sameShape(outputs[0]!, probe);
  });
}

/** The output shapes, or undefined where the op refuses the inputs. */
export function inferShapes(
  def: AnyOpDef,
  sample: OpSample<unknown>,
  shapes: readonly Shape[],
): readonly Shape[] | undefined {
  try {
    const specs = shapes.map((shape, i) => ({ shape, dtype: sample.inputs[i]!.dtype ?? ('f32' as const) }));
    return def.infer(specs, sample.attrs).map(({ shape }) => shape);
  } catch {
    return undefined;
  }
}
