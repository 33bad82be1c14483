import { readScalar, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GPT_SIZES } from '../../src/gpt/gpt-size.ts';
import { GptStep } from '../../src/gpt/gpt-step.ts';

let device: Awaited<ReturnType<typeof openDevice>>;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

// What jax-js 0.1.25 and TensorFlow.js 4.22 give for the same weights, tokens and formulas.
const LOSSES = [5.5461, 5.3396, 5.1792, 5.0512];

test('the first losses are those of the peers to four digits', async () => {
  const before = device.memory.liveBytes;
  const step = new GptStep(device, GPT_SIZES[0]!);
  for (const loss of LOSSES) {
    const found = await scopeAsync(() => readScalar(step.record()));
    expect(Math.abs(found - loss)).toBeLessThan(1e-4);
  }
  step.dispose();
  expect(device.memory.liveBytes).toBe(before);
});
