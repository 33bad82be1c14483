import { ToolError } from '../errors.ts';
import { planRope } from '../kernels/rope.wgsl.ts';
import { applyOp, type OpDef, type RefArray } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchPlan } from './launch-plan.ts';
import { indexArray, normalArray, refArray } from './reference.ts';

export interface RopeAttrs {
  /** Rotates back: the transpose, which is the gradient. */
  readonly inverse: boolean;
}

/** Where tokens stand, and the angles of each position. */
export interface Rotary {
  /** u32 [N], each below the table's rows. */
  readonly positions: Tensor;
  /** `ropeTable` [P, E]. */
  readonly table: Tensor;
}

/** Cosines and sines [positions, E] of angle(p, e) = p * frequency(e), computed in float64. */
export function ropeTable(positions: number, frequencies: readonly number[]): Float32Array<ArrayBuffer> {
  const pairs = frequencies.length;
  const table = new Float32Array(positions * pairs * 2);
  for (let p = 0; p < positions; p++) {
    for (let e = 0; e < pairs; e++) {
      table[p * pairs * 2 + e] = Math.cos(p * frequencies[e]!);
      table[p * pairs * 2 + pairs + e] = Math.sin(p * frequencies[e]!);
    }
  }
  return table;
}

export function sampleTable(positions: number, width: number): RefArray {
  const frequencies = Array.from({ length: width / 2 }, (_, e) => 10000 ** ((-2 * e) / width));
  return refArray([positions, width], ropeTable(positions, frequencies));
}

/** The first `rotated` heads of x [N, H, E] rotated by the angles of a table, the others as they are. */
export function rotateHeads(
  x: RefArray,
  positions: Float64Array,
  table: Float64Array,
  rotated: number,
  inverse: boolean,
): Float64Array {
  const [rows, heads, width] = x.shape as [number, number, number];
  const pairs = width / 2;
  const y = Float64Array.from(x.data);
  for (let n = 0; n < rows; n++) {
    for (let h = 0; h < rotated; h++) {
      for (let e = 0; e < pairs; e++) {
        const at = (n * heads + h) * width + e;
        const entry = positions[n]! * width + e;
        const c = table[entry]!;
        const s = table[entry + pairs]! * (inverse ? -1 : 1);
        y[at] = x.data[at]! * c - x.data[at + pairs]! * s;
        y[at + pairs] = x.data[at + pairs]! * c + x.data[at]! * s;
      }
    }
  }
  return y;
}

export const ropeOp: OpDef<RopeAttrs> = {
  name: 'rope',
  integerInputs: [1],
  doc: 'rotary position embedding of x [N, H, E] at positions [N] with a table of cosines and sines [P, E]',
  infer: ([x, positions, table]) => {
    const [rows, , width] = x!.shape;
    const fits = x!.shape.length === 3 && width! % 2 === 0 && positions!.shape[0] === rows && table!.shape[1] === width;
    if (!fits || positions!.dtype !== 'u32') {
      throw new ToolError('shape', {
        op: 'rope',
        expected: 'x [N, H, E] with an even E, positions u32 [N] and a table [P, E]',
        got: `${formatShape(x!.shape)}, ${positions!.dtype} ${formatShape(positions!.shape)} and ${formatShape(table!.shape)}`,
      });
    }
    return [{ shape: x!.shape, dtype: 'f32' }];
  },
  run: ([x, positions, table], [out], { inverse }) => {
    const y = Tensor.empty(x!.device, out!.shape, 'f32', 'tensor/rope');
    if (y.size === 0) return [y];
    const [rows, heads, width] = out!.shape as [number, number, number];
    launchPlan(planRope({ rows, heads, width, inverse }), [x!, positions!, table!], [y]);
    return [y];
  },
  reference: ([x, positions, table], { inverse }) => [
    refArray(x!.shape, rotateHeads(x!, positions!.data, table!.data, x!.shape[1]!, inverse)),
  ],
  samples: () => [
    {
      name: 'heads',
      inputs: [normalArray(91, [5, 3, 8]), indexArray(92, [5], 20), sampleTable(20, 8)],
      attrs: { inverse: false },
      constant: [1, 2],
    },
    {
      name: 'back',
      inputs: [normalArray(93, [4, 1, 6]), indexArray(94, [4], 9), sampleTable(9, 6)],
      attrs: { inverse: true },
      constant: [1, 2],
    },
  ],
  errors: () => [
    {
      name: 'odd width',
      inputs: [
        { shape: [2, 1, 3], dtype: 'f32' },
        { shape: [2], dtype: 'u32' },
        { shape: [4, 3], dtype: 'f32' },
      ],
      attrs: { inverse: false },
      code: 'shape',
    },
  ],
};

/** Rotary embedding. x [N, H, E], positions u32 [N] (each below the table's rows), table [P, E]. */
export function rope(x: Tensor, positions: Tensor, table: Tensor, inverse = false): Tensor {
  return applyOp(ropeOp, [x, positions, table], { inverse })[0]!;
}
