import type { Device } from '../gpu/device.ts';
import type { RefArray } from '../op.ts';
import { refArray } from '../ops/reference.ts';
import { contiguousStrides, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { toTensor } from './compare.ts';
import type { Draw } from './draw.ts';

/** Where the elements of a view lie: the layouts that every op must accept. */
export interface Layout {
  readonly name: string;
  /** Order in which the axes are stored. */
  readonly order: readonly number[];
  /** Elements before, between and after the stored ones, by axis. */
  readonly before: readonly number[];
  readonly step: readonly number[];
  readonly after: readonly number[];
}

export function plainLayout(rank: number): Layout {
  const zeros = new Array<number>(rank).fill(0);
  return {
    name: 'plain',
    order: zeros.map((_, axis) => axis),
    before: zeros,
    step: zeros.map(() => 1),
    after: zeros,
  };
}

/** A slice of a wider array: a row of padding before, a column after. */
export function paddedLayout(rank: number): Layout {
  const plain = plainLayout(rank);
  return {
    ...plain,
    name: 'padded',
    before: plain.before.map((_, axis) => (axis === 0 ? 1 : 0)),
    after: plain.after.map((_, axis) => (axis === rank - 1 ? 1 : 0)),
  };
}

/** Mostly a slice, a step or another order of the axes; plain in one of three. */
export function randomLayout(draw: Draw, rank: number): Layout {
  const plain = plainLayout(rank);
  if (rank === 0 || draw.oneIn(3)) return plain;
  const order = draw.oneIn(2) ? draw.axes(rank) : plain.order;
  const some = (most: number): number[] => plain.before.map(() => (draw.oneIn(2) ? draw.below(most + 1) : 0));
  const step = plain.step.map(() => (draw.oneIn(4) ? 2 : 1));
  const [before, after] = [some(3), some(2)];
  return { name: `order ${order} before ${before} step ${step} after ${after}`, order, before, step, after };
}

/** A view on the device that holds `array` in a layout; what lies around it is NaN, or 77 for integers. */
export function placed(device: Device, array: RefArray, layout: Layout): Tensor {
  const { shape } = array;
  if (layout.name === 'plain') return toTensor(device, array);
  const stored = shape.map((dim, axis) => layout.before[axis]! + dim * layout.step[axis]! + layout.after[axis]!);
  const storedStrides = new Array<number>(shape.length);
  const ordered = contiguousStrides(layout.order.map((axis) => stored[axis]!));
  layout.order.forEach((axis, i) => {
    storedStrides[axis] = ordered[i]!;
  });
  const strides = storedStrides.map((stride, axis) => stride * layout.step[axis]!);
  const offset = storedStrides.reduce((total, stride, axis) => total + stride * layout.before[axis]!, 0);
  const isFloat = array.dtype === undefined || array.dtype === 'f32' || array.dtype === 'f16' || array.dtype === 'bf16';
  const data = new Float64Array(sizeOf(stored)).fill(isFloat ? Number.NaN : array.dtype === 'bool' ? 1 : 77);
  const own = contiguousStrides(shape);
  array.data.forEach((value, i) => {
    const at = shape.reduce((sum, dim, axis) => sum + (Math.floor(i / own[axis]!) % dim) * strides[axis]!, offset);
    data[at] = value;
  });
  return toTensor(device, refArray([data.length], data, array.dtype)).view(
    shape,
    strides,
    sizeOf(shape) === 0 ? 0 : offset,
  );
}
