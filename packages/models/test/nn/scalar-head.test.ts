import { accumulateGradients } from '@dawngrad/autograd';
import { type Device, read, scopeAsync, sum, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ScalarHead } from '../../src/nn/scalar-head.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe('a scalar head', () => {
  it('starts at zero and then gives w·h + b for each row', async () => {
    const head = new ScalarHead(device, 3);
    await scopeAsync(async () => {
      const hidden = Tensor.from(device, [1, 2, 3, -1, 0, 0.5], [2, 3]);
      expect(Array.from(await read(head.values(hidden)))).toEqual([0, 0]);
      head.parameters.set('score.weight', new Float32Array([2, -1, 4]));
      head.parameters.set('score.bias', new Float32Array([0.25]));
      const values = head.values(hidden);
      expect(values.shape).toEqual([2]);
      expect(Array.from(await read(values))).toEqual([12.25, 0.25]);
    });
    head.dispose();
  });

  it('learns from the first step: its gradient is the hidden state, and decay spares the bias', async () => {
    const head = new ScalarHead(device, 3);
    await scopeAsync(async () => {
      const hidden = Tensor.from(device, [1, 2, 3, -1, 0, 0.5], [2, 3]);
      accumulateGradients([head.parameters], () => ({ loss: sum(head.values(hidden)) }));
      expect(Array.from(await read(head.parameters.gradient('score.weight')!))).toEqual([0, 2, 3.5]);
      expect(Array.from(await read(head.parameters.gradient('score.bias')!))).toEqual([2]);
    });
    expect([head.parameters.spec('score.weight').decay, head.parameters.spec('score.bias').decay]).toEqual([
      true,
      false,
    ]);
    head.dispose();
  });

  it('refuses hidden states of another width, and gives its memory back', () => {
    const before = device.memory.liveBuffers;
    const head = new ScalarHead(device, 3);
    const hidden = Tensor.from(device, [1, 2], [1, 2]);
    expect(() => head.values(hidden)).toThrowError(expect.objectContaining({ code: 'shape' }));
    hidden.dispose();
    head.dispose();
    expect(device.memory.liveBuffers).toBe(before);
  });
});
