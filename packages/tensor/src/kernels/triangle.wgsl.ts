import type { DType } from '../dtype.ts';
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
} from './lib/move.wgsl.ts';

/*
 * Math     out[.., r, c] = x[.., r, c] where c - r <= k ('lower') or c - r >= k ('upper'), else 0
 * Layout   x is any strided view; out is contiguous. The mask is arithmetic on the index, never a tensor.
 * Dispatch one thread a word of the output.
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
  const unit = dtype === 'f16' || dtype === 'bf16' ? 'half' : 'word';
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
  let distance = i32(c${rank - 1}) - i32(c${rank - 2});
  if (distance ${keeps === 'lower' ? '>' : '<'} bitcast<i32>(params.k)) { return 0u; }
  return load_x(${operandIndex('x', [...dims.keys()])});
}`,
  });
  return movePlan(kernel, unit, sizeOf(x.shape), [k, ...dims, x.offset, ...strides]);
}
