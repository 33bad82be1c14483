import { ToolError } from '../errors.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { elementAt, fromIndex } from './index-reference.ts';
import { normalArray } from './reference.ts';

/** Which diagonal. */
export interface DiagonalAttrs {
  /** Column - row: above the main diagonal if positive. */
  readonly k: number;
}

export const diagonalOp: OpDef<DiagonalAttrs> = {
  name: 'diagonal',
  anyDtype: true,
  tolerance: 'exact',
  doc: 'y[.., i] = x[.., i, i + k], or x[.., i - k, i] for k < 0; a view',
  infer: ([x], { k }) => {
    const [rows, columns] = x!.shape.slice(-2);
    if (rows === undefined || columns === undefined || !Number.isInteger(k)) {
      throw new ToolError('shape', {
        op: 'diagonal',
        expected: 'a matrix [..., R, C] and a whole diagonal',
        got: `${formatShape(x!.shape)} and ${k}`,
      });
    }
    const length = Math.max(0, Math.min(rows - Math.max(0, -k), columns - Math.max(0, k)));
    return [{ shape: [...x!.shape.slice(0, -2), length], dtype: x!.dtype }];
  },
  run: ([x], [out], { k }) => {
    const [row, column] = x!.strides.slice(-2) as [number, number];
    const first = out!.shape.includes(0) ? 0 : Math.max(0, k) * column + Math.max(0, -k) * row;
    return [x!.view(out!.shape, [...x!.strides.slice(0, -2), row + column], x!.offset + first)];
  },
  reference: ([x], { k }) => {
    const [out] = diagonalOp.infer([{ shape: x!.shape, dtype: x!.dtype ?? 'f32' }], { k });
    return [
      fromIndex(out!.shape, x!.dtype, (index) => {
        const i = index[index.length - 1]!;
        return elementAt(x!, [...index.slice(0, -1), i + Math.max(0, -k), i + Math.max(0, k)]);
      }),
    ];
  },
  samples: () => [
    { name: 'square', inputs: [normalArray(276, [4, 4])], attrs: { k: 0 } },
    { name: 'above, batched', inputs: [normalArray(277, [2, 3, 5])], attrs: { k: 1 } },
    { name: 'below', inputs: [normalArray(278, [6, 3])], attrs: { k: -2 } },
    { name: 'outside', inputs: [normalArray(279, [2, 3])], attrs: { k: 9 } },
  ],
  errors: () => [{ name: 'a vector', inputs: [{ shape: [4], dtype: 'f32' }], attrs: { k: 0 }, code: 'shape' }],
};

/** The diagonal of the last two dimensions, k above the main one. A view. */
export function diagonal(x: Tensor, k = 0): Tensor {
  return applyOp(diagonalOp, [x], { k })[0]!;
}
