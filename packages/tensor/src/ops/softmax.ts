import { ToolError } from '../errors.ts';
import { stridedRows } from '../kernels/lib/strided-rows.wgsl.ts';
import { planSoftmax } from '../kernels/softmax.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { normalArray, refArray } from './reference.ts';

export interface SoftmaxAttrs {
  /** Resolved. */
  readonly axis: number;
}

function softmaxDef(log: boolean): OpDef<SoftmaxAttrs> {
  const name = log ? 'logSoftmax' : 'softmax';
  return {
    name,
    doc: log ? 'y = x - ln sum e^x along an axis' : 'y = e^x / sum e^x along an axis',
    dtypes: ['f32', 'f16', 'bf16'],
    infer: ([x], { axis }) => {
      if ((x!.shape[axis] ?? 0) === 0) {
        throw new ToolError('shape', {
          op: name,
          expected: `axis ${axis} with at least one element`,
          got: formatShape(x!.shape),
        });
      }
      return [{ shape: x!.shape, dtype: x!.dtype }];
    },
    run: ([x], [out], { axis }) => {
      const { device, shape } = x!;
      const result = Tensor.empty(device, shape, 'f32', `tensor/${name}`);
      if (result.size > 0) {
        const plan = planSoftmax(
          {
            rows: stridedRows(x!, [axis]),
            dtype: x!.dtype,
            width: shape[axis]!,
            inner: sizeOf(shape.slice(axis + 1)),
            log,
          },
          device.adapterClass,
        );
        device.dispatch(plan.kernel, [x!.wholeBinding(), result.binding()], plan.params, plan.workgroups);
      }
      if (out!.dtype === 'f32') return [result];
      const rounded = launchElementwise({ name: 'cast', expr: 'x0' }, [result], out!);
      result.dispose();
      return [rounded];
    },
    reference: ([x], { axis }) => {
      const width = x!.shape[axis]!;
      const inner = sizeOf(x!.shape.slice(axis + 1));
      const out = new Float64Array(x!.data.length);
      for (let row = 0; row < out.length / width; row++) {
        const base = Math.floor(row / inner) * width * inner + (row % inner);
        const values = Array.from({ length: width }, (_, j) => x!.data[base + j * inner]!);
        const top = Math.max(...values);
        const total = values.reduce((a, v) => a + Math.exp(v - top), 0);
        values.forEach((v, j) => {
          out[base + j * inner] = log ? v - top - Math.log(total) : Math.exp(v - top) / total;
        });
      }
      return [refArray(x!.shape, out, x!.dtype)];
    },
    samples: () => {
      const sample = (label: string, seed: number, shape: Shape, axis = shape.length - 1, scale = 1) => ({
        name: label,
        inputs: [normalArray(seed, shape, scale)],
        attrs: { axis },
      });
      return [
        sample('rows', 71, [5, 12]),
        sample('odd rows of large values', 72, [3, 17], 1, 60),
        sample('many rows', 73, [100, 5]),
        sample('many rows of vec4s', 70, [70, 16]),
        sample('one column', 74, [4, 1]),
        sample('no rows', 75, [0, 4]),
        sample('columns', 76, [9, 6], 0),
        sample('columns of vec4s', 77, [9, 8], 0),
        sample('middle', 78, [3, 4, 5], 1),
        sample('a vector', 79, [33]),
      ];
    },
    fuzz: (draw) => {
      const shape = draw.shape(1 + draw.below(4), 2000, true);
      return { name: 'drawn', inputs: [draw.normals(shape)], attrs: { axis: draw.below(shape.length) } };
    },
    errors: () => [
      { name: 'no columns', inputs: [{ shape: [3, 0], dtype: 'f32' }], attrs: { axis: 1 }, code: 'shape' },
      { name: 'a scalar', inputs: [{ shape: [], dtype: 'f32' }], attrs: { axis: 0 }, code: 'shape' },
    ],
  };
}

export const softmaxOp: OpDef<SoftmaxAttrs> = softmaxDef(false);
export const logSoftmaxOp: OpDef<SoftmaxAttrs> = softmaxDef(true);

const apply = (def: OpDef<SoftmaxAttrs>, x: Tensor, axis: number): Tensor =>
  applyOp(def, [x], { axis: normalizeAxis(def.name, axis, x.rank) })[0]!;

/** Softmax along an axis, the last one by default. A row of -inf gives 0. */
export function softmax(x: Tensor, axis = -1): Tensor {
  return apply(softmaxOp, x, axis);
}

/** Log-softmax along an axis, the last one by default. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return apply(logSoftmaxOp, x, axis);
}
