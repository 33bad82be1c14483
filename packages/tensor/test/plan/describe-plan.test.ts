import { compile, type Device, describePlan, linear, readAll, scopeAsync, silu, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

it('reads like the program, with the cost and time of each launch', async () => {
  const weight = Tensor.from(device, new Float32Array(12 * 8), [12, 8], 'f32', 'test/weight');
  const step = compile(device, (x: Tensor) => silu(linear(x, weight)));
  await scopeAsync(async () => {
    const x = Tensor.from(device, new Float32Array(5 * 8), [5, 8]);
    const timings = device.timeNextSubmit();
    await readAll([step(x)]);
    const plan = step.plans[0]!;
    const text = describePlan(plan, plan.timesAmong(await timings));
    expect(text).toMatch(/^plan: 1 launches \(2 recorded\)/);
    expect(text).toMatch(/out0 = matmul\/nt\+silu\(x0\)\(in0, test\/weight\)/);
    expect(text).toContain(`${2 * 5 * 8 * 12} FLOP`);
    expect(text).toMatch(/\d us/);
  });
  step.dispose();
  weight.dispose();
});
