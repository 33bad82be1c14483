import type { DType } from '../dtype.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import type { Shape } from '../shape.ts';
import { sizeOf } from '../shape.ts';
import { elementBits } from './lib/element-bits.ts';
import {
  coordinates,
  dimParams,
  loadFunction,
  moveBinding,
  moveKernel,
  movePlan,
  unitBits,
  widenLoops,
} from './lib/move.wgsl.ts';

/*
 * Math     out[low + k step] = x[k] along each axis, and `value` everywhere else
 * Layout   x is any strided view; out is contiguous. Axes that are not padded are merged with their neighbours.
 * Dispatch one thread a word, or 16 bytes where the innermost axis allows.
 * Memory   each element of x is read once, each output element written once.
 */

/** How one axis of the output is made of one of the input. */
interface PadAxis {
  /** Size in the output. */
  readonly dim: number;
  readonly low: number;
  readonly step: number;
  /** Size in the input. */
  readonly count: number;
  readonly stride: number;
}

const isWhole = ({ dim, count }: PadAxis): boolean => dim === count;

/** Merges axes that can be walked as one: an outer one without steps and an inner one that is not padded. */
function mergeAxes(axes: readonly PadAxis[]): PadAxis[] {
  const merged: PadAxis[] = [];
  for (const axis of axes) {
    const outer = merged[merged.length - 1];
    if (axis.dim === 1 && isWhole(axis)) continue;
    if (outer?.step === 1 && isWhole(axis) && (outer.stride === axis.stride * axis.dim || outer.count === 1)) {
      merged[merged.length - 1] = {
        dim: outer.dim * axis.dim,
        low: outer.low * axis.dim,
        step: 1,
        count: outer.count * axis.dim,
        stride: axis.stride,
      };
    } else merged.push(axis);
  }
  return merged;
}

/** Bindings: the whole buffer of x, out. `step` is positive; `size` is the output's shape. */
export function planPad(
  x: { readonly dtype: DType; readonly shape: Shape; readonly strides: readonly number[]; readonly offset: number },
  attrs: { readonly low: Shape; readonly size: Shape; readonly step: Shape; readonly value: number },
): LaunchPlan {
  const axes = mergeAxes(
    x.shape.map((count, axis) => ({
      dim: attrs.size[axis]!,
      low: attrs.low[axis]!,
      step: attrs.step[axis]!,
      count,
      stride: x.strides[axis]!,
    })),
  );
  const last = axes[axes.length - 1];
  const loops = widenLoops(
    x.dtype,
    axes.map(({ dim }) => dim),
    [axes.map(({ stride }) => stride)],
    [x.offset],
    // A last axis with steps has gaps between its elements.
    last === undefined ? [] : last.step === 1 ? [last.low, last.count] : [1],
  );
  const { unit, dims, strides, offsets, factor } = loops;
  const rank = dims.length;
  const isPadded = axes.map((axis) => !isWhole(axis));
  const checks = isPadded.map((padded, axis) => {
    if (!padded) return `at += c${axis} * params.stride${axis};`;
    // Unsigned: positions before the first wrap around and are past the count too.
    return `let t${axis} = c${axis} - params.low${axis};
  if (t${axis} / params.step${axis} >= params.count${axis} || t${axis} % params.step${axis} != 0u) { return U(params.value); }
  at += t${axis} / params.step${axis} * params.stride${axis};`;
  });
  const kernel = moveKernel({
    key: `pad/${isPadded.map((padded) => (padded ? 'p' : 'w')).join('')}`,
    label: 'tensor/pad',
    unit,
    inputs: [moveBinding('x', 'read', unit)],
    params: [
      'value',
      'offset',
      ...dimParams(rank),
      ...axes.flatMap((_, axis) => [`low${axis}`, `step${axis}`, `count${axis}`, `stride${axis}`]),
    ],
    functions: () => `
${loadFunction('x', unit)}
fn element(i: u32, old: U) -> U {
  ${coordinates(rank)}
  var at = params.offset;
  ${checks.join('\n  ')}
  return load_x(at);
}`,
  });
  return movePlan(kernel, unit, sizeOf(attrs.size) / factor, [
    unitBits(elementBits(attrs.value, x.dtype), x.dtype, unit),
    offsets[0]!,
    ...dims,
    ...axes.flatMap(({ low, step, count }, axis) => {
      const divisor = axis === rank - 1 ? factor : 1;
      return [low / divisor, step, count / divisor, strides[0]![axis]!];
    }),
  ]);
}
