import type { DType } from '../dtype.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { collapseLoops, type Shape, sizeOf } from '../shape.ts';
import { elementBits } from './lib/element-bits.ts';
import { coordinates, dimParams, moveKernel, movePlan, operandIndex, operandParams } from './lib/move.wgsl.ts';

/*
 * Math     out[.., d] = 1 where index[..] = d, else 0
 * Layout   index is any strided view; out is contiguous, one dimension more.
 * Dispatch one thread a word of the output.
 * Memory   write only; the index comes from cache.
 */

/** Bindings: the whole buffer of the index, out. */
export function planOneHot(
  dtype: DType,
  index: { readonly shape: Shape; readonly strides: readonly number[]; readonly offset: number },
  depth: number,
): LaunchPlan {
  const nest = collapseLoops(index.shape, [index.strides]);
  const dims = [...nest.dims, depth];
  const rank = dims.length;
  const unit = dtype === 'f16' || dtype === 'bf16' ? 'half' : 'word';
  const kernel = moveKernel({
    key: `one-hot/${rank}`,
    label: 'tensor/one-hot',
    unit,
    inputs: [{ name: 'index', access: 'read', element: 'u32' }],
    params: ['one', ...dimParams(rank), ...operandParams('index', rank)],
    functions: () => `
fn element(i: u32, old: U) -> U {
  ${coordinates(rank)}
  return select(0u, params.one, index[${operandIndex('index', [...nest.dims.keys()])}] == c${rank - 1});
}`,
  });
  const one = elementBits(1, dtype);
  return movePlan(kernel, unit, sizeOf(index.shape) * depth, [one, ...dims, index.offset, ...nest.strides[0]!, 0]);
}
