import { ToolError } from '../errors.ts';
import { planPackedSwiglu } from '../kernels/swiglu.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape, sameShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { launchPlan } from './launch-plan.ts';
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

export const packedSwigluOp: OpDef<undefined> = {
  name: 'packedSwiglu',
  doc: 'y = silu(gate) * up for x [N, 2F] with gate in its first F columns and up in the others: [N, F]',
  infer: ([x]) => {
    const [rows, both] = x!.shape;
    if (x!.shape.length !== 2 || both! % 2 !== 0) {
      throw new ToolError('shape', {
        op: 'packedSwiglu',
        expected: 'x [N, 2F] of gate and up side by side',
        got: formatShape(x!.shape),
      });
    }
    return [{ shape: [rows!, both! / 2], dtype: 'f32' }];
  },
  run: ([x], [out]) => {
    const [rows, width] = out!.shape as [number, number];
    const y = Tensor.empty(x!.device, out!.shape, 'f32', 'tensor/swiglu');
    if (y.size > 0) launchPlan(planPackedSwiglu(rows, width), [x!], [y]);
    return [y];
  },
  reference: ([x]) => {
    const [rows, both] = x!.shape as [number, number];
    const width = both / 2;
    const y = Float64Array.from({ length: rows * width }, (_, i) => {
      const gateAt = Math.floor(i / width) * both + (i % width);
      const g = x!.data[gateAt]!;
      return (g / (1 + Math.exp(-g))) * x!.data[gateAt + width]!;
    });
    return [refArray([rows, width], y)];
  },
  samples: () => [
    { name: 'vectors', inputs: [normalArray(711, [5, 16])], attrs: undefined },
    { name: 'odd', inputs: [normalArray(712, [7, 6], 4)], attrs: undefined },
    { name: 'no rows', inputs: [normalArray(713, [0, 8])], attrs: undefined },
  ],
  fuzz: (draw) => {
    const shape = [draw.size(65), 2 * draw.size(40)];
    return { name: `${shape}`, inputs: [draw.normals(shape, (value) => value * 3)], attrs: undefined };
  },
  errors: () => [
    { name: 'an odd width', inputs: [{ shape: [2, 3], dtype: 'f32' }], attrs: undefined, code: 'shape' },
    { name: 'one dimension', inputs: [{ shape: [4], dtype: 'f32' }], attrs: undefined, code: 'shape' },
  ],
};

/** silu(gate) * up of one tensor [N, 2F], as one projection gives it: [N, F]. */
export function packedSwiglu(x: Tensor): Tensor {
  return applyOp(packedSwigluOp, [x], undefined)[0]!;
}
