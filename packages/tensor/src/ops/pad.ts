import { ToolError } from '../errors.ts';
import { planPad } from '../kernels/pad.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape, normalizeAxis, sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { fill } from './in-place.ts';
import { launchPlan } from './launch-plan.ts';
import { normalArray, refArray } from './reference.ts';

export interface PadAttrs {
  readonly axis: number;
  /** Where the input begins in the output. */
  readonly start: number;
  /** Size of the output along the axis. */
  readonly size: number;
}

export const padOp: OpDef<PadAttrs> = {
  name: 'pad',
  doc: 'places x at start..start+n-1 of a larger axis of zeros; undoes slice',
  infer: ([x], { axis, start, size }) => {
    const dim = x!.shape[axis];
    if (dim === undefined || start < 0 || start + dim > size) {
      throw new ToolError('shape', {
        op: 'pad',
        expected: `room for ${dim ?? 'axis'} elements of ${formatShape(x!.shape)} in a size of ${size}`,
        got: `start ${start}`,
      });
    }
    return [{ shape: x!.shape.map((d, i) => (i === axis ? size : d)), dtype: 'f32' }];
  },
  run: ([x], [out], { axis, start, size }) => {
    const y = Tensor.empty(x!.device, out!.shape, 'f32', 'tensor/pad');
    if (x!.size === 0) fill(y, 0);
    else
      launchPlan(
        planPad(sizeOf(x!.shape.slice(0, axis)), x!.shape[axis]!, sizeOf(x!.shape.slice(axis + 1)), start, size),
        [x!],
        [y],
      );
    return [y];
  },
  reference: ([x], { axis, start, size }) => {
    const inner = sizeOf(x!.shape.slice(axis + 1));
    const dim = x!.shape[axis]!;
    const shape = x!.shape.map((d, i) => (i === axis ? size : d));
    const data = new Float64Array(sizeOf(shape));
    x!.data.forEach((value, at) => {
      const o = Math.floor(at / inner / dim);
      const d = Math.floor(at / inner) % dim;
      data[(o * size + start + d) * inner + (at % inner)] = value;
    });
    return [refArray(shape, data)];
  },
  samples: () => [
    { name: 'rows', inputs: [normalArray(151, [3, 4])], attrs: { axis: 0, start: 2, size: 7 } },
    { name: 'columns', inputs: [normalArray(152, [2, 3, 5])], attrs: { axis: 1, start: 0, size: 4 } },
    { name: 'nothing', inputs: [normalArray(153, [2, 0])], attrs: { axis: 1, start: 1, size: 3 } },
  ],
  errors: () => [
    { name: 'no room', inputs: [{ shape: [3], dtype: 'f32' }], attrs: { axis: 0, start: 2, size: 4 }, code: 'shape' },
  ],
};

/** Places x at `start` of an axis of zeros of the given size. */
export function pad(x: Tensor, axis: number, start: number, size: number): Tensor {
  return applyOp(padOp, [x], { axis: normalizeAxis('pad', axis, x.rank), start, size })[0]!;
}
