import { ToolError } from '../errors.ts';
import { planSoftmax } from '../kernels/softmax.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchPlan } from './launch-plan.ts';
import { normalArray, refArray } from './reference.ts';

function softmaxDef(log: boolean): OpDef<undefined> {
  const name = log ? 'logSoftmax' : 'softmax';
  return {
    name,
    doc: log ? 'y = x - ln sum e^x over the last dimension' : 'y = e^x / sum e^x over the last dimension',
    infer: ([x]) => {
      if (x!.shape.length === 0 || x!.shape[x!.shape.length - 1] === 0) {
        throw new ToolError('shape', {
          op: name,
          expected: 'a last dimension of at least 1',
          got: formatShape(x!.shape),
        });
      }
      return [{ shape: x!.shape, dtype: 'f32' }];
    },
    run: ([x], [out]) => {
      const result = Tensor.empty(x!.device, out!.shape, 'f32', `tensor/${name}`);
      if (result.size === 0) return [result];
      const width = out!.shape[out!.shape.length - 1]!;
      launchPlan(planSoftmax(result.size / width, width, log, x!.device.adapterClass), [x!], [result]);
      return [result];
    },
    reference: ([x]) => {
      const width = x!.shape[x!.shape.length - 1]!;
      const out = new Float64Array(x!.data.length);
      for (let base = 0; base < out.length; base += width) {
        const row = x!.data.subarray(base, base + width);
        const top = Math.max(...row);
        const total = row.reduce((a, v) => a + Math.exp(v - top), 0);
        row.forEach((v, i) => {
          out[base + i] = log ? v - top - Math.log(total) : Math.exp(v - top) / total;
        });
      }
      return [refArray(x!.shape, out)];
    },
    samples: () => [
      { name: 'rows', inputs: [normalArray(71, [5, 12])], attrs: undefined },
      { name: 'large values', inputs: [normalArray(72, [3, 17], 60)], attrs: undefined },
      { name: 'many rows', inputs: [normalArray(73, [100, 5])], attrs: undefined },
      { name: 'one column', inputs: [normalArray(74, [4, 1])], attrs: undefined },
      { name: 'no rows', inputs: [normalArray(75, [0, 4])], attrs: undefined },
    ],
    errors: () => [{ name: 'no columns', inputs: [{ shape: [3, 0], dtype: 'f32' }], attrs: undefined, code: 'shape' }],
  };
}

export const softmaxOp: OpDef<undefined> = softmaxDef(false);
export const logSoftmaxOp: OpDef<undefined> = softmaxDef(true);

/** Softmax over the last dimension. */
export function softmax(x: Tensor): Tensor {
  return applyOp(softmaxOp, [x], undefined)[0]!;
}

/** Log-softmax over the last dimension. */
export function logSoftmax(x: Tensor): Tensor {
  return applyOp(logSoftmaxOp, [x], undefined)[0]!;
}
