import {
  abs,
  affine,
  clamp,
  expand,
  type GatherAttrs,
  gather,
  indexAdd,
  indexSelect,
  multiply,
  reshape,
  type ScatterAttrs,
  scatter,
  scatterAdd,
  subtract,
  Tensor,
  zeros,
} from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

/** dx[.., index[n], ..] += dy[.., n, ..] */
export const gatherGradient: Gradient<GatherAttrs> = {
  apply: ({ dy, inputs, attrs }) => {
    const [x, index] = inputs as [Tensor, Tensor];
    return [scatterAdd(zeros(x.device, x.shape, 'autograd/gather'), attrs.axis, index, dy[0]!), undefined];
  },
};

export const indexSelectGradient: Gradient<GatherAttrs> = {
  apply: ({ dy, inputs, attrs }) => {
    const [x, indices] = inputs as [Tensor, Tensor];
    return [indexAdd(zeros(x.device, x.shape, 'autograd/index-select'), attrs.axis, indices, dy[0]!), undefined];
  },
};

/** dtarget = dy, dsource[.., n, ..] = dy[.., index[n], ..]; sources that were left out get 0. */
export const scatterAddGradient: Gradient<ScatterAttrs> = {
  apply: ({ dy, inputs, attrs, needs }) => [
    dy[0]!,
    undefined,
    needs[2] ? gather(dy[0]!, attrs.axis, inputs[1]!, 0) : undefined,
  ],
};

export const indexAddGradient: Gradient<ScatterAttrs> = {
  apply: ({ dy, inputs, attrs, needs }) => [
    dy[0]!,
    undefined,
    needs[2] ? indexSelect(dy[0]!, attrs.axis, inputs[1]!, 0) : undefined,
  ],
};

/** dtarget = dy but for the places that were set; dsource = dy where the source stayed, 0 where a later one did. */
export const scatterGradient: Gradient<ScatterAttrs> = {
  apply: ({ dy, inputs, attrs, needs }) => {
    const [target, index, source] = inputs as [Tensor, Tensor, Tensor];
    const { axis } = attrs;
    return [
      needs[0] ? scatter(dy[0]!, axis, index, zeros(source.device, source.shape, 'autograd/scatter')) : undefined,
      undefined,
      needs[2] ? multiply(gather(dy[0]!, axis, index, 0), stayed(target, index, source, axis)) : undefined,
    ];
  },
};

/** 1 for each source that is the last of those for its place, else 0. */
function stayed(target: Tensor, index: Tensor, source: Tensor, axis: number): Tensor {
  const { device, shape } = source;
  const count = shape[axis]!;
  // Sources are numbered from 1 along the axis; the one that stands at a place afterwards is the one that stayed.
  const numbers = expand(
    reshape(
      Tensor.from(
        device,
        Array.from({ length: count }, (_, n) => n + 1),
        [count],
        'f32',
        'autograd/scatter/numbers',
      ),
      shape.map((_, i) => (i === axis ? count : 1)),
    ),
    shape,
  );
  const standing = scatter(zeros(device, target.shape, 'autograd/scatter/standing'), axis, index, numbers);
  const distance = abs(subtract(gather(standing, axis, index, 0), numbers));
  return affine(clamp(distance, 0, 1), -1, 1);
}
