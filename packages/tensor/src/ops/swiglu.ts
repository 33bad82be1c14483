import { ToolError } from '../errors.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { normalArray, refArray } from './reference.ts';

export const swigluOp: OpDef<undefined> = {
  name: 'swiglu',
  doc: 'y = silu(gate) * up = gate * sigmoid(gate) * up (Shazeer, "GLU variants improve Transformer", 2020)',
  infer: ([gate, up]) => {
    if (!sameShape(gate!.shape, up!.shape)) {
      throw new ToolError('shape', {
        op: 'swiglu',
        expected: 'gate and up of one shape',
        got: `${formatShape(gate!.shape)} and ${formatShape(up!.shape)}`,
      });
    }
    return [{ shape: gate!.shape, dtype: 'f32' }];
  },
  run: ([gate, up], [out]) => [
    launchElementwise({ name: 'swiglu', expr: 'x0 / (T(1.0) + exp(-x0)) * x1' }, [gate!, up!], out!),
  ],
  reference: ([gate, up]) => [
    refArray(
      gate!.shape,
      gate!.data.map((g, i) => (g / (1 + Math.exp(-g))) * up!.data[i]!),
    ),
  ],
  samples: () => [
    { name: 'matrix', inputs: [normalArray(41, [5, 16]), normalArray(42, [5, 16])], attrs: undefined },
    { name: 'odd', inputs: [normalArray(43, [3, 7], 4), normalArray(44, [3, 7])], attrs: undefined },
  ],
  errors: () => [
    {
      name: 'shapes differ',
      inputs: [
        { shape: [2, 3], dtype: 'f32' },
        { shape: [2, 4], dtype: 'f32' },
      ],
      attrs: undefined,
      code: 'shape',
    },
  ],
};

/** silu(gate) * up. */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  return applyOp(swigluOp, [gate, up], undefined)[0]!;
}
