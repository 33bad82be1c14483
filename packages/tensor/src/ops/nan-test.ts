/*
 * WGSL lets compilers assume that there is no NaN and no infinity, so tests of a float that must hold look at
 * its bits. The texts are for expressions: `TU` is u32 at the width of the kernel.
 */

const SIZE_BITS = 'TU(0x7fffffffu)';
const INFINITY_BITS = 'TU(0x7f800000u)';

/** WGSL: whether the f32 `x` is NaN. */
export function isNanText(x: string): string {
  return `((bitcast<TU>(${x}) & ${SIZE_BITS}) > ${INFINITY_BITS})`;
}

/** WGSL: whether the f32 `x` is infinite. */
export function isInfText(x: string): string {
  return `((bitcast<TU>(${x}) & ${SIZE_BITS}) == ${INFINITY_BITS})`;
}

/** WGSL: whether the f32 `x` is a finite number. */
export function isFiniteText(x: string): string {
  return `((bitcast<TU>(${x}) & ${SIZE_BITS}) < ${INFINITY_BITS})`;
}

/** WGSL: `value`, but NaN where one of the f32 operands is NaN. */
export function orNan(value: string, ...operands: readonly string[]): string {
  return operands.reduceRight((text, x) => `select(${text}, ${x}, ${isNanText(x)})`, value);
}
