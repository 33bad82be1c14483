import { ToolError } from '../errors.ts';
import { planTriangle } from '../kernels/triangle.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { elementAt, fromIndex } from './index-reference.ts';
import { launchMove } from './launch-move.ts';
import { normalArray } from './reference.ts';

/** Where the triangle ends. */
export interface TriangleAttrs {
  /** The diagonal that bounds the triangle: column - row, 0 for the main one. */
  readonly k: number;
}

function triangleOp(name: 'tril' | 'triu'): OpDef<TriangleAttrs> {
  const keeps = name === 'tril' ? 'lower' : 'upper';
  return {
    name,
    anyDtype: true,
    tolerance: 'exact',
    doc: `x where column - row ${name === 'tril' ? '<=' : '>='} k in the last two dimensions, else 0`,
    infer: ([x], { k }) => {
      if (x!.shape.length < 2 || !Number.isInteger(k)) {
        throw new ToolError('shape', {
          op: name,
          expected: 'a matrix [..., R, C] and a whole diagonal',
          got: `${formatShape(x!.shape)} and ${k}`,
        });
      }
      return [{ shape: x!.shape, dtype: x!.dtype }];
    },
    run: ([x], [out], { k }) => [launchMove(() => planTriangle(x!.dtype, x!, keeps, k), [x!], out!, `tensor/${name}`)],
    reference: ([x], { k }) => [
      fromIndex(x!.shape, x!.dtype, (index) => {
        const distance = index[index.length - 1]! - index[index.length - 2]!;
        return (keeps === 'lower' ? distance <= k : distance >= k) ? elementAt(x!, index) : 0;
      }),
    ],
    samples: () => [
      { name: 'square', inputs: [normalArray(271, [5, 5])], attrs: { k: 0 } },
      { name: 'batched, wide', inputs: [normalArray(272, [2, 3, 7])], attrs: { k: 2 } },
      { name: 'tall', inputs: [normalArray(273, [7, 3])], attrs: { k: -3 } },
      { name: 'aligned', inputs: [normalArray(275, [2, 9, 12])], attrs: { k: -2 } },
      { name: 'nothing', inputs: [normalArray(274, [0, 3])], attrs: { k: 0 } },
    ],
    errors: () => [{ name: 'a vector', inputs: [{ shape: [4], dtype: 'f32' }], attrs: { k: 0 }, code: 'shape' }],
  };
}

export const trilOp = triangleOp('tril');
export const triuOp = triangleOp('triu');

/** The lower triangle of [..., R, C], up to diagonal k (column - row <= k); the rest is 0. */
export function tril(x: Tensor, k = 0): Tensor {
  return applyOp(trilOp, [x], { k })[0]!;
}

/** The upper triangle of [..., R, C], from diagonal k on (column - row >= k); the rest is 0. */
export function triu(x: Tensor, k = 0): Tensor {
  return applyOp(triuOp, [x], { k })[0]!;
}
