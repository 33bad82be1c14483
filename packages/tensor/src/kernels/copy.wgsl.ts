import type { DType } from '../dtype.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { collapseLoops, contiguousStrides, type Shape, sizeOf } from '../shape.ts';
import {
  coordinates,
  dimParams,
  loadFunction,
  moveBinding,
  moveKernel,
  movePlan,
  operandIndex,
  operandParams,
  widenLoops,
} from './lib/move.wgsl.ts';

/*
 * Math     out = x, compact
 * Layout   x is any strided view, strides of 0 and below included; out is contiguous.
 * Dispatch one thread a word, or 16 bytes where the innermost dimension is contiguous and aligned.
 * Memory   each element of the view is read once, each output element written once.
 */

/** Bindings: the whole buffer of x, out. */
export function planCopy(
  dtype: DType,
  x: { readonly shape: Shape; readonly strides: readonly number[]; readonly offset: number },
): LaunchPlan {
  const nest = collapseLoops(x.shape, [x.strides, contiguousStrides(x.shape)]);
  const { unit, dims, strides, offsets, factor } = widenLoops(dtype, nest.dims, [nest.strides[0]!], [x.offset]);
  const rank = dims.length;
  const kernel = moveKernel({
    key: `copy/${rank}`,
    label: 'tensor/copy',
    unit,
    inputs: [moveBinding('x', 'read', unit)],
    params: [...dimParams(rank), ...operandParams('x', rank)],
    functions: () => `
${loadFunction('x', unit)}
fn element(i: u32, old: U) -> U {
  ${coordinates(rank)}
  return load_x(${operandIndex('x', [...dims.keys()])});
}`,
  });
  return movePlan(kernel, unit, sizeOf(x.shape) / factor, [...dims, offsets[0]!, ...strides[0]!]);
}
