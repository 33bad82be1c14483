import { type DropoutAttrs, dropout } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** Linear in x: dx is dy through the same mask, drawn again. */
export const dropoutGradient: Gradient<DropoutAttrs> = {
  apply: ({ dy, attrs: { p, ...address } }) => [dropout(dy[0]!, p, address)],
};
