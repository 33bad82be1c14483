import { type DiagonalAttrs, expand, place, reshape, type TriangleAttrs, tril, triu } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

export const trilGradient: Gradient<TriangleAttrs> = { apply: ({ dy, attrs }) => [tril(dy[0]!, attrs.k)] };

export const triuGradient: Gradient<TriangleAttrs> = { apply: ({ dy, attrs }) => [triu(dy[0]!, attrs.k)] };

/** dx[.., r, c] = dy of its row where c - r = k, else 0. */
export const diagonalGradient: Gradient<DiagonalAttrs> = {
  apply: ({ dy, inputs, attrs: { k } }) => {
    const { shape } = inputs[0]!;
    const lead = shape.slice(0, -2);
    const rows = shape[shape.length - 2]!;
    // One value a row, the same in all columns, of which the diagonal stays.
    const byRow = place(dy[0]!, {
      low: [...lead.map(() => 0), Math.max(0, -k)],
      step: dy[0]!.shape.map(() => 1),
      size: [...lead, rows],
      value: 0,
    });
    return [tril(triu(expand(reshape(byRow, [...lead, rows, 1]), shape), k), k)];
  },
};
