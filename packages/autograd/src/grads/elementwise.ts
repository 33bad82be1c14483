import {
  type AffineAttrs,
  affine,
  type CastAttrs,
  type ClampAttrs,
  type EluAttrs,
  exp,
  greaterEqual,
  isFloat,
  type LeakyReluAttrs,
  less,
  lessEqual,
  logicalAnd,
  minimum,
  multiply,
  type WhereAttrs,
  where,
} from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';
import { asType } from './as-type.ts';
import { sumTo } from './sum-to.ts';

/** y = scale x + shift: dx = scale dy. */
export const affineGradient: Gradient<AffineAttrs> = {
  apply: ({ dy, inputs, attrs }) => [isFloat(inputs[0]!.dtype) ? affine(dy[0]!, attrs.scale, 0) : undefined],
};

/** The same values: dx = dy, in the element type of x. Nothing flows through integers and bools. */
export const castGradient: Gradient<CastAttrs> = {
  apply: ({ dy, inputs, attrs }) => {
    const { dtype } = inputs[0]!;
    return [isFloat(dtype) && isFloat(attrs.dtype) ? asType(dy[0]!, dtype) : undefined];
  },
};

/** dx = dy where low <= x <= high, else 0. */
export const clampGradient: Gradient<ClampAttrs> = {
  apply: ({ dy, inputs, attrs }) => {
    const x = inputs[0]!;
    if (!isFloat(x.dtype)) return [undefined];
    return [where(logicalAnd(greaterEqual(x, attrs.low), lessEqual(x, attrs.high)), dy[0]!, 0)];
  },
};

/** da = dy where the condition holds, db = dy elsewhere. */
export const whereGradient: Gradient<WhereAttrs> = {
  apply: ({ dy, inputs, needs, attrs }) => {
    const [test, ...sides] = inputs;
    return [
      undefined,
      ...sides.map((side, i) => {
        if (!needs[i + 1] || !isFloat(side.dtype)) return undefined;
        const isA = i === 0 && attrs.a === undefined;
        const part = isA ? where(test!, dy[0]!, 0) : where(test!, 0, dy[0]!);
        return asType(sumTo(part, side.shape), side.dtype);
      }),
    ];
  },
};

/** dx = slope dy below 0, else dy. */
export const leakyReluGradient: Gradient<LeakyReluAttrs> = {
  apply: ({ dy, inputs, attrs }) => {
    const x = inputs[0]!;
    return [isFloat(x.dtype) ? where(less(x, 0), affine(dy[0]!, attrs.slope, 0), dy[0]!) : undefined];
  },
};

/** dx = alpha e^x dy below 0, else dy. Held to 0, e^x cannot overflow where it does not count. */
export const eluGradient: Gradient<EluAttrs> = {
  apply: ({ dy, inputs, attrs }) => {
    const x = inputs[0]!;
    if (!isFloat(x.dtype)) return [undefined];
    return [where(less(x, 0), affine(multiply(dy[0]!, exp(minimum(x, 0))), attrs.alpha, 0), dy[0]!)];
  },
};
