import { readScalar, scopeAsync, type Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeGpt, GPT_SIZES } from '../../src/gpt/gpt-size.ts';
import { GptStep } from '../../src/gpt/gpt-step.ts';

let device: Awaited<ReturnType<typeof openDevice>>;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

// What jax-js 0.1.25 and TensorFlow.js 4.22 give for the same weights, tokens and formulas.
const LOSSES = [5.5461, 5.3396, 5.1792, 5.0512, 4.9465, 4.8569, 4.7776, 4.7045];

test.each([
  ['eager', (step: GptStep): Tensor => step.recordEager()],
  ['compiled', (step: GptStep): Tensor => step.recordPlanned()],
])('%s, the first losses are those of the peers to four digits', async (_, record) => {
  const before = device.memory.liveBytes;
  const step = new GptStep(device, GPT_SIZES[0]!);
  for (const loss of LOSSES) {
    const found = await scopeAsync(() => readScalar(record(step)));
    expect(Math.abs(found - loss)).toBeLessThan(1e-4);
  }
  step.dispose();
  expect(device.memory.liveBytes).toBe(before);
});

// Launches of one step of each size: what it takes now, so that more do not slip in.
const LAUNCHES = [44, 44, 60];

test.each(GPT_SIZES.map((size, i) => [describeGpt(size), LAUNCHES[i]!, size] as const))(
  'the compiled %s is at most %d launches in one pass, and makes nothing new',
  async (_, launches, size) => {
    const step = new GptStep(device, size);
    const run = () => scopeAsync(() => readScalar(step.recordPlanned()));
    await run();
    await run();
    const before = device.counters;
    await run();
    const after = device.counters;
    expect(after.dispatches - before.dispatches).toBeLessThanOrEqual(launches);
    expect(after.passes - before.passes).toBe(1);
    expect(after.submits - before.submits).toBe(1);
    expect(after.buffersCreated - before.buffersCreated).toBe(0);
    expect(after.bindGroupsCreated - before.bindGroupsCreated).toBe(0);
    step.dispose();
  },
);
