import { planBegins, planScatter, type ScatterMode, type ScatterSpec } from '../kernels/scatter.wgsl.ts';
import { positionKeys } from '../kernels/sort-keys.wgsl.ts';
import type { TensorSpec } from '../op.ts';
import { Tensor } from '../tensor.ts';
import { bindable } from './launch-elementwise.ts';
import { launchMove } from './launch-move.ts';
import { launchPlan } from './launch-plan.ts';
import { sortKeys } from './sort-keys.ts';

/** A view without one of its axes: stride 0 there, so that the axis can be walked apart. */
function apart(x: Tensor, axis: number): { strides: number[]; offset: number; axisStride: number } {
  return {
    strides: x.strides.map((stride, i) => (i === axis ? 0 : stride)),
    offset: x.offset,
    axisStride: x.strides[axis]!,
  };
}

const isSigned = (index: Tensor): boolean => index.dtype === 'i32';

/**
 * Records out = target with the sources that an index [.., N, ..] of the source's shape names added or set. Walks the
 * index where that is little work, else sorts the positions that it names: 1 + log2(S / 1024) launches more for S
 * sources.
 */
export function launchScatter(
  mode: ScatterMode,
  target: Tensor,
  index: Tensor,
  source: Tensor,
  out: TensorSpec,
  axis: number,
): Tensor {
  const count = source.shape[axis]!;
  const label = `tensor/scatter/${mode}`;
  const common = { mode, dtype: target.dtype };
  // A walk compares every element of the output with N indices, a sort moves every source some tens of times.
  if (target.size * count <= 64 * (target.size + source.size)) {
    const spec: ScatterSpec = {
      ...common,
      shape: out.shape,
      axis,
      target: { strides: target.strides, offset: target.offset },
      source: apart(source, axis),
      count,
      index: { ...apart(index, axis), isSigned: isSigned(index) },
    };
    return launchMove(() => planScatter(spec), [target, source, index], out, label);
  }
  const { shape, strides, offset } = index;
  const keys = positionKeys({ shape, strides, offset, isSigned: isSigned(index) }, target.shape, axis);
  // As one long axis: position by position, with the sources in their own order.
  const flat = bindable(target);
  const sources = bindable(source);
  const spec: ScatterSpec = {
    ...common,
    shape: [target.size],
    axis: 0,
    target: { strides: [1], offset: flat.offset },
    source: { strides: [0], offset: sources.offset, axisStride: 1 },
    count: source.size,
    index: 'sorted',
  };
  const result = launchSorted(spec, keys, index, flat, sources, out);
  if (flat !== target) flat.dispose();
  if (sources !== source) sources.dispose();
  return result;
}

/** The same for an index [N] that names whole slices of the target. */
export function launchSliceScatter(
  mode: ScatterMode,
  target: Tensor,
  indices: Tensor,
  source: Tensor,
  out: TensorSpec,
  axis: number,
): Tensor {
  const count = indices.size;
  const common = {
    mode,
    dtype: target.dtype,
    shape: out.shape,
    axis,
    target: { strides: target.strides, offset: target.offset },
    source: apart(source, axis),
    count,
  };
  // One launch more pays off as soon as there is something to compare.
  if (count <= 8 || target.size * count <= 65536) {
    const index = {
      strides: out.shape.map(() => 0),
      offset: indices.offset,
      axisStride: indices.strides[0]!,
      isSigned: isSigned(indices),
    };
    return launchMove(
      () => planScatter({ ...common, index }),
      [target, source, indices],
      out,
      `tensor/scatter/${mode}`,
    );
  }
  const { shape, strides, offset } = indices;
  const keys = positionKeys({ shape, strides, offset, isSigned: isSigned(indices) }, [out.shape[axis]!], 0);
  return launchSorted({ ...common, index: 'sorted' }, keys, indices, target, source, out);
}

/** Slices of at least so many elements are worth a launch that finds where the sources of each begin. */
const LONG_SLICE = 16;

function launchSorted(
  spec: ScatterSpec,
  keys: ReturnType<typeof positionKeys>,
  index: Tensor,
  target: Tensor,
  source: Tensor,
  out: TensorSpec,
): Tensor {
  const { device } = target;
  const label = `tensor/scatter/${spec.mode}`;
  const sorted = sortKeys(device, keys, index.size, [index]);
  const size = spec.shape[spec.axis]!;
  let lists = sorted.keys;
  if (target.size >= LONG_SLICE * size) {
    lists = Tensor.empty(device, [size + 1], 'u32', 'tensor/scatter/begins');
    launchPlan(planBegins(size, index.size), [sorted.keys], [lists]);
    sorted.keys.dispose();
  }
  const found = lists === sorted.keys ? 'sorted' : 'begun';
  const inputs = [target, source, lists, sorted.positions];
  const result = launchMove(() => planScatter({ ...spec, index: found }), inputs, out, label);
  lists.dispose();
  sorted.positions.dispose();
  return result;
}
