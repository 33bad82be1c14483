import {
  affine,
  applyOp,
  compile,
  type Device,
  type HostArray,
  readAll,
  scopeAsync,
  type Tensor,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { opTable, toTensor } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** Work before and after the op that the compiler may fuse into it: it changes no value, but makes new ones. */
const around = (tensor: Tensor): Tensor => (tensor.dtype === 'f32' ? affine(affine(tensor, 2, 1), 0.5, -0.5) : tensor);

describe.each(opTable.map((def) => [def.name, def] as const))('%s', (_, def) => {
  it('gives the same bits compiled as eager, with work around it, at the first call and at a replay', async () => {
    const samples = def.samples().filter(({ inputs }) => inputs.every(({ data }) => data.length > 0));
    const chosen = [...new Set([samples[0], samples.at(-1)])].filter((sample) => sample !== undefined);
    for (const { inputs, attrs } of chosen) {
      const body = (...tensors: Tensor[]): Tensor[] => applyOp(def, tensors.map(around), attrs).map(around);
      const step = compile(device, body);
      const [eager, ...planned] = await scopeAsync<HostArray[][]>(async () => {
        const tensors = inputs.map((input) => toTensor(device, input));
        const results = [body(...tensors), step(...tensors), step(...tensors)];
        const values = await readAll(results.flat());
        return results.map((result, i) => values.slice(i * result.length, (i + 1) * result.length));
      });
      for (const values of planned) expect(values).toEqual(eager);
      step.dispose();
    }
  });
});
