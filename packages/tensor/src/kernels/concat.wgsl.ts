import type { DType } from '../dtype.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { collapseLoops, type Shape } from '../shape.ts';
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
 * Math     out = parts one after another along an axis
 * Layout   the parts are any strided views; out is contiguous. Dimensions before the axis are merged where all parts
 *          allow it, and those after it with the axis.
 * Dispatch one thread a word, or 16 bytes where all parts are aligned: it finds its part among those given.
 * Memory   each element is read once and written once.
 */

interface ConcatPart {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Bindings: the whole buffer of each part, out. */
export function planConcat(dtype: DType, parts: readonly ConcatPart[], axis: number): LaunchPlan {
  const shape = parts[0]!.shape;
  const outer = collapseLoops(
    shape.slice(0, axis),
    parts.map((part) => part.strides.slice(0, axis)),
  );
  const inner = collapseLoops(
    shape.slice(axis + 1),
    parts.map((part) => part.strides.slice(axis + 1)),
  );
  let sizes = parts.map((part) => part.shape[axis]!);
  let steps = parts.map((part) => part.strides[axis]!);
  const canMerge =
    inner.dims.length === 1 &&
    parts.every((_, p) => sizes[p] === 1 || steps[p] === inner.strides[p]![0]! * inner.dims[0]!);
  if (canMerge) {
    sizes = sizes.map((size) => size * inner.dims[0]!);
    steps = inner.strides.map(([stride]) => stride!);
    inner.dims.length = 0;
    for (const strides of inner.strides) strides.length = 0;
  }
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const along = outer.dims.length;
  const loops = widenLoops(
    dtype,
    [...outer.dims, total, ...inner.dims],
    parts.map((_, p) => [...outer.strides[p]!, steps[p]!, ...inner.strides[p]!]),
    parts.map(({ offset }) => offset),
    inner.dims.length === 0 ? sizes : [],
  );
  const { unit, dims, factor } = loops;
  const rank = dims.length;
  const axes = [...dims.keys()];
  const inputs = parts.map((_, p) => moveBinding(`x${p}`, 'read', unit));
  const kernel = moveKernel({
    key: `concat/${parts.length}/${along}/${rank}`,
    label: 'tensor/concat',
    unit,
    inputs,
    params: [...dimParams(rank), ...parts.flatMap((_, p) => [`end${p}`, ...operandParams(`x${p}`, rank)])],
    // A part's offset is moved back by where the part begins, so that the coordinate can stay as it is.
    functions: () => `
${inputs.map(({ name }) => loadFunction(name, unit)).join('\n')}
fn element(i: u32, old: U) -> U {
  ${coordinates(rank)}
  ${parts
    .map((_, p) => {
      const load = `return load_x${p}(${operandIndex(`x${p}`, axes)});`;
      return p === parts.length - 1 ? load : `if (c${along} < params.end${p}) { ${load} }`;
    })
    .join('\n  ')}
}`,
  });
  let end = 0;
  const values = parts.flatMap((_, p) => {
    const begin = end;
    end += sizes[p]! / (along === rank - 1 ? factor : 1);
    const strides = loops.strides[p]!;
    return [end, loops.offsets[p]! - begin * strides[along]!, ...strides];
  });
  const count = dims.reduce((product, dim) => product * dim, 1);
  return movePlan(kernel, unit, count, [...dims, ...values]);
}
