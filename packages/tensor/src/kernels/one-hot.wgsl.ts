import { bytesPerElement, type DType } from '../dtype.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { collapseLoops, type Shape, sizeOf } from '../shape.ts';
import { elementBits } from './lib/element-bits.ts';
import { coordinates, dimParams, moveKernel, movePlan, operandIndex, operandParams } from './lib/move.wgsl.ts';

/*
 * Math     out[.., d] = 1 where index[..] = d, else 0
 * Layout   index is any strided view; out is contiguous, one dimension more.
 * Dispatch one thread a word of the output, or four where the depth is a multiple.
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
  const bytes = bytesPerElement(dtype);
  const unit = bytes === 2 ? 'half' : depth % 4 === 0 ? 'quad' : 'word';
  const factor = unit === 'quad' ? 4 : 1;
  const own = `c${rank - 1}`;
  const places = unit === 'quad' ? `vec4u(4u * ${own}) + vec4u(0u, 1u, 2u, 3u)` : own;
  const kernel = moveKernel({
    key: `one-hot/${rank}`,
    label: 'tensor/one-hot',
    unit,
    inputs: [{ name: 'index', access: 'read', element: 'u32' }],
    params: ['one', ...dimParams(rank), ...operandParams('index', rank)],
    functions: () => `
fn element(i: u32, old: U) -> U {
  ${coordinates(rank)}
  return select(U(), U(params.one), U(index[${operandIndex('index', [...nest.dims.keys()])}]) == ${places});
}`,
  });
  const one = elementBits(1, dtype);
  return movePlan(kernel, unit, (sizeOf(index.shape) * depth) / factor, [
    ...[one, ...nest.dims, depth / factor],
    ...[index.offset, ...nest.strides[0]!, 0],
  ]);
}
