import type { Gradient } from '@dawngrad/tensor';

export type { Gradient, GradientContext, InputGradients, TotalGradient } from '@dawngrad/tensor';

/** A gradient whatever the attributes of its op are. */
// biome-ignore lint/suspicious/noExplicitAny: the table holds gradients of many attribute types
export type AnyGradient = Gradient<any>;
