import { reshape, type Shape, sameShape, sum, type Tensor } from '@dawngrad/tensor';

/** Sums a gradient over the dimensions that broadcasting had added or stretched. */
export function sumTo(dy: Tensor, shape: Shape): Tensor {
  if (sameShape(dy.shape, shape)) return dy;
  const lead = dy.rank - shape.length;
  const axes = dy.shape.flatMap((dim, axis) => (axis < lead || (shape[axis - lead] === 1 && dim !== 1) ? [axis] : []));
  const total = sum(dy, { axes, keepDims: true });
  return reshape(total, shape);
}
