import { ToolError } from '../errors.ts';
import { planLayerNorm } from '../kernels/layer-norm.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { cast } from './cast.ts';
import { launchPlan } from './launch-plan.ts';
import { normalArray, refArray } from './reference.ts';

export interface LayerNormAttrs {
  readonly eps: number;
}

export const layerNormOp: OpDef<LayerNormAttrs> = {
  name: 'layerNorm',
  doc: 'y = (x - mean) / sqrt(variance + eps) * gain + bias over the last dimension; further outputs: mean, 1 / sqrt(...)',
  differentiableOutputs: 1,
  tolerance: 'fused',
  infer: ([x, gain, bias]) => {
    const width = x!.shape[x!.shape.length - 1];
    if (
      width === undefined ||
      width === 0 ||
      [gain!, bias!].some(({ shape }) => shape.length !== 1 || shape[0] !== width)
    ) {
      throw new ToolError('shape', {
        op: 'layerNorm',
        expected: 'x [..., D], gain [D] and bias [D] with D at least 1',
        got: [x!, gain!, bias!].map(({ shape }) => formatShape(shape)).join(', '),
      });
    }
    const stats = { shape: x!.shape.slice(0, -1), dtype: 'f32' } as const;
    return [{ shape: x!.shape, dtype: 'f32' }, stats, stats];
  },
  run: ([x, gain, bias], [out, stats], { eps }) => {
    const device = x!.device;
    const y = Tensor.empty(device, out!.shape, 'f32', 'tensor/layer-norm');
    const mean = Tensor.empty(device, stats!.shape, 'f32', 'tensor/layer-norm/mean');
    const scale = Tensor.empty(device, stats!.shape, 'f32', 'tensor/layer-norm/scale');
    if (y.size > 0) {
      launchPlan(planLayerNorm(mean.size, gain!.size, eps, device.adapterClass), [x!, gain!, bias!], [y, mean, scale]);
    }
    return [y, mean, scale];
  },
  reference: ([x, gain, bias], { eps }) => {
    const width = gain!.data.length;
    const y = new Float64Array(x!.data.length);
    const means: number[] = [];
    const scales: number[] = [];
    for (let base = 0; base < y.length; base += width) {
      const row = x!.data.subarray(base, base + width);
      const mean = row.reduce((a, v) => a + v, 0) / width;
      const scale = 1 / Math.sqrt(row.reduce((a, v) => a + (v - mean) ** 2, 0) / width + eps);
      means.push(mean);
      scales.push(scale);
      row.forEach((v, i) => {
        y[base + i] = (v - mean) * scale * gain!.data[i]! + bias!.data[i]!;
      });
    }
    const rows = x!.shape.slice(0, -1);
    return [refArray(x!.shape, y), refArray(rows, means), refArray(rows, scales)];
  },
  samples: () => {
    const sample = (name: string, seed: number, shape: readonly number[], eps = 1e-5, scale = 1, shift = 0) => ({
      name,
      inputs: [
        normalArray(seed, shape, scale, shift),
        normalArray(seed + 1, shape.slice(-1), 0.3, 1),
        normalArray(seed + 2, shape.slice(-1)),
      ],
      attrs: { eps },
    });
    return [
      sample('rows', 1001, [5, 16]),
      sample('batched rows', 1004, [2, 3, 12]),
      sample('many odd rows', 1007, [77, 13], 1e-6),
      sample('many rows of vec4s', 1010, [150, 64]),
      sample('far from zero', 1013, [6, 32], 1e-5, 1, 40),
      sample('one row', 1016, [40]),
      sample('no rows', 1019, [0, 8]),
    ];
  },
  errors: () => {
    const spec = (...shape: number[]) => ({ shape, dtype: 'f32' }) as const;
    const attrs = { eps: 1e-5 };
    return [
      { name: 'gain of another width', inputs: [spec(2, 3), spec(4), spec(3)], attrs, code: 'shape' },
      { name: 'bias of another rank', inputs: [spec(2, 3), spec(3), spec(1, 3)], attrs, code: 'shape' },
      { name: 'a scalar', inputs: [spec(), spec(1), spec(1)], attrs, code: 'shape' },
      { name: 'rows of nothing', inputs: [spec(2, 0), spec(0), spec(0)], attrs, code: 'shape' },
    ];
  },
};

/**
 * (x - mean) / sqrt(variance + eps) * gain + bias over the last dimension, with the variance of the row as
 * it is (divided by D). x [..., D], gain [D], bias [D]. One launch. 16-bit inputs are cast to f32, and the result
 * to the type of x.
 */
export function layerNorm(x: Tensor, gain: Tensor, bias: Tensor, eps: number): Tensor {
  const inputs = [x, gain, bias].map((input) => (isHalf(input) ? cast(input, 'f32') : input));
  const y = applyOp(layerNormOp, inputs, { eps })[0]!;
  return isHalf(x) ? cast(y, x.dtype) : y;
}

const isHalf = ({ dtype }: Tensor): boolean => dtype === 'f16' || dtype === 'bf16';
