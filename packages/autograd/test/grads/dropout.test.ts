import { grad } from '@dawngrad/autograd';
import {
  add,
  compile,
  type Device,
  dropout,
  multiply,
  type RandomOptions,
  readAll,
  Scalar,
  scopeAsync,
  sum,
  Tensor,
  uniform,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const SIZE = 1000;

/** A loss through noise and dropout; dloss/dx is noise times the mask / (1 - p). */
function step(x: Tensor, at: RandomOptions): { y: Tensor; dx: Tensor } {
  let y = x;
  const { gradients } = grad(() => {
    y = multiply(dropout(x, 0.5, { ...at, stream: 1 }), uniform(device, [SIZE], { ...at, stream: 2, low: 1, high: 2 }));
    return sum(y);
  }, [x]);
  return { y: add(y, y), dx: gradients[0]! };
}

describe('dropout in a compiled step', () => {
  it('draws anew for each value of its Scalars, the same mask forward and backward, and what eager work draws', async () => {
    const count = new Scalar(0);
    const compiled = compile(device, (x: Tensor) => step(x, { seed: 3, step: count }));
    const masks: string[] = [];
    for (let at = 0; at < 3; at++) {
      count.value = at;
      await scopeAsync(async () => {
        const x = Tensor.from(device, new Float32Array(SIZE).fill(1), [SIZE]);
        const planned = compiled(x);
        const eager = step(x, { seed: 3, step: at });
        const [y, dx, eagerY, eagerDx] = await readAll([planned.y, planned.dx, eager.y, eager.dx]);
        expect(y).toEqual(eagerY);
        expect(dx).toEqual(eagerDx);
        const mask = Array.from(y!, (value) => (value === 0 ? 0 : 1));
        expect(Array.from(dx!, (value) => (value === 0 ? 0 : 1))).toEqual(mask);
        masks.push(mask.join(''));
      });
    }
    expect(new Set(masks).size).toBe(3);
    compiled.dispose();
  });
});
