import { bytesPerElement, type DType } from '../dtype.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { collapseLoops, type Shape, sizeOf } from '../shape.ts';
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
 * Math     out[.., r, c] = x[.., r, c] where c - r <= k ('lower') or c - r >= k ('upper'), else 0
 * Layout   x is any strided view; out is contiguous. The mask is arithmetic on the index, never a tensor.
 * Dispatch one thread a word of the output, or 16 bytes where x is aligned.
 * Memory   the elements that stay are read once, all are written once.
 */

/** Bindings: the whole buffer of x, out. */
export function planTriangle(
  dtype: DType,
  x: { readonly shape: Shape; readonly strides: readonly number[]; readonly offset: number },
  keeps: 'lower' | 'upper',
  k: number,
): LaunchPlan {
  const outer = collapseLoops(x.shape.slice(0, -2), [x.strides.slice(0, -2)]);
  const dims = [...outer.dims, ...x.shape.slice(-2)];
  const strides = [...outer.strides[0]!, ...x.strides.slice(-2)];
  const rank = dims.length;
  // Halves that share a word may lie on both sides of the diagonal.
  const isPacked = bytesPerElement(dtype) === 2;
  const loops = widenLoops(dtype, dims, [strides], [x.offset], isPacked ? [1] : []);
  const { unit } = loops;
  const first = unit === 'quad' ? `vec4i(i32(4u * c${rank - 1})) + vec4i(0, 1, 2, 3)` : `i32(c${rank - 1})`;
  // What lies wholly outside is not read.
  const none =
    keeps === 'lower' ? `distance${unit === 'quad' ? '.x' : ''} > k` : `distance${unit === 'quad' ? '.w' : ''} < k`;
  const kernel = moveKernel({
    key: `triangle/${keeps}/${rank}`,
    label: `tensor/triangle/${keeps}`,
    unit,
    inputs: [moveBinding('x', 'read', unit)],
    params: ['k', ...dimParams(rank), ...operandParams('x', rank)],
    functions: () => `
${loadFunction('x', unit)}
fn element(i: u32, old: U) -> U {
  ${coordinates(rank)}
  let distance = ${first} - i32(c${rank - 2});
  let k = bitcast<i32>(params.k);
  if (${none}) { return U(); }
  return select(U(), load_x(${operandIndex('x', [...dims.keys()])}), distance ${keeps === 'lower' ? '<=' : '>='} ${unit === 'quad' ? 'vec4i(k)' : 'k'});
}`,
  });
  return movePlan(kernel, unit, sizeOf(x.shape) / loops.factor, [
    k,
    ...loops.dims,
    loops.offsets[0]!,
    ...loops.strides[0]!,
  ]);
}
