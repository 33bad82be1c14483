import { type PadAttrs, place, type SliceAttrs, stridedSlice } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** dx is zero but for the elements that were taken. */
export const sliceGradient: Gradient<SliceAttrs> = {
  apply: ({ dy, inputs, attrs }) => [
    place(dy[0]!, { low: attrs.start, step: attrs.step, size: inputs[0]!.shape, value: 0 }),
  ],
};

/** The elements of dy where x was placed. */
export const padGradient: Gradient<PadAttrs> = {
  apply: ({ dy, inputs, attrs }) => [
    stridedSlice(dy[0]!, { start: attrs.low, step: attrs.step, count: inputs[0]!.shape }),
  ],
};
