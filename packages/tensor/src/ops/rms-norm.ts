import { ToolError } from '../errors.ts';
import { planRmsNorm } from '../kernels/rms-norm.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchPlan } from './launch-plan.ts';
import { normalArray, refArray } from './reference.ts';

export interface RmsNormAttrs {
  readonly eps: number;
}

export const rmsNormOp: OpDef<RmsNormAttrs> = {
  name: 'rmsNorm',
  doc: 'y = x / sqrt(mean(x^2) + eps) * w over the last dimension; the second output is 1 / sqrt(...) of each row',
  differentiableOutputs: 1,
  infer: ([x, w]) => {
    const width = x!.shape[x!.shape.length - 1];
    if (width === undefined || width === 0 || w!.shape.length !== 1 || w!.shape[0] !== width) {
      throw new ToolError('shape', {
        op: 'rmsNorm',
        expected: 'x [..., D] and w [D] with D > 0',
        got: `${formatShape(x!.shape)} and ${formatShape(w!.shape)}`,
      });
    }
    return [
      { shape: x!.shape, dtype: 'f32' },
      { shape: x!.shape.slice(0, -1), dtype: 'f32' },
    ];
  },
  run: ([x, w], [out, inverse], { eps }) => {
    const device = x!.device;
    const y = Tensor.empty(device, out!.shape, 'f32', 'tensor/rms-norm');
    const r = Tensor.empty(device, inverse!.shape, 'f32', 'tensor/rms-norm/inverse');
    if (y.size === 0) return [y, r];
    launchPlan(planRmsNorm(r.size, w!.size, eps, device.adapterClass), [x!, w!], [y, r]);
    return [y, r];
  },
  reference: ([x, w], { eps }) => {
    const width = w!.data.length;
    const y = new Float64Array(x!.data.length);
    const r: number[] = [];
    for (let base = 0; base < y.length; base += width) {
      const row = x!.data.subarray(base, base + width);
      const scale = 1 / Math.sqrt(row.reduce((a, v) => a + v * v, 0) / width + eps);
      r.push(scale);
      row.forEach((v, i) => {
        y[base + i] = v * scale * w!.data[i]!;
      });
    }
    return [refArray(x!.shape, y), refArray(x!.shape.slice(0, -1), r)];
  },
  samples: () => [
    { name: 'rows', inputs: [normalArray(81, [5, 16]), normalArray(82, [16], 0.1, 1)], attrs: { eps: 1e-5 } },
    { name: 'many odd rows', inputs: [normalArray(83, [77, 13]), normalArray(84, [13])], attrs: { eps: 1e-6 } },
    { name: 'tiny values', inputs: [normalArray(85, [3, 8], 1e-4), normalArray(86, [8])], attrs: { eps: 1e-5 } },
    { name: 'no rows', inputs: [normalArray(87, [0, 8]), normalArray(88, [8])], attrs: { eps: 1e-5 } },
  ],
  errors: () => [
    {
      name: 'weight of another width',
      inputs: [
        { shape: [2, 3], dtype: 'f32' },
        { shape: [4], dtype: 'f32' },
      ],
      attrs: { eps: 1e-5 },
      code: 'shape',
    },
    {
      name: 'rows of nothing',
      inputs: [
        { shape: [2, 0], dtype: 'f32' },
        { shape: [0], dtype: 'f32' },
      ],
      attrs: { eps: 1e-5 },
      code: 'shape',
    },
  ],
};

/** x / sqrt(mean(x^2) + eps) * weight over the last dimension. x [..., D], weight [D]. */
export function rmsNorm(x: Tensor, weight: Tensor, eps: number): Tensor {
  return applyOp(rmsNormOp, [x, weight], { eps })[0]!;
}
