import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countStep } from '../../src/rl/rl-jobs.ts';
import { RL_METHODS } from '../../src/rl/rl-run.ts';
import type { RlSize } from '../../src/rl/rl-size.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const TINY: RlSize = {
  name: 'tiny',
  ...{ width: 16, inner: 32, layers: 2, heads: 2 },
  ...{ prompts: 2, groupSize: 2, critic: 2 },
};

test('a step of each trainer launches, submits and holds what it did', async () => {
  const counts: Record<string, object> = {};
  for (const method of RL_METHODS) counts[method] = await countStep(device, method, TINY, 'all');
  expect(counts).toMatchInlineSnapshot(`
    {
      "grpo": {
        "dispatches": 953,
        "peakBytes": 605952,
        "submits": 38,
      },
      "irl": {
        "dispatches": 1205,
        "peakBytes": 893184,
        "submits": 41,
      },
      "opsd": {
        "dispatches": 908,
        "peakBytes": 587264,
        "submits": 40,
      },
      "sft": {
        "dispatches": 66,
        "peakBytes": 321792,
        "submits": 1,
      },
    }
  `);
});

test('adapters of policy and critic read one frozen base: the peak is lower by its bytes', async () => {
  const [one, two] = [
    await countStep(device, 'irl', TINY, 'adapters, one base'),
    await countStep(device, 'irl', TINY, 'adapters, two bases'),
  ];
  // Blocks, norms, embedding and output matrix in f32; each tensor is padded.
  const base = 4 * (2 * (4 * 16 * 16 + 3 * 16 * 32 + 2 * 16) + 16 + 2 * 68 * 16);
  expect(two.peakBytes - one.peakBytes).toBeGreaterThanOrEqual(base);
  expect(two.peakBytes - one.peakBytes).toBeLessThan(1.2 * base);
  expect({ ...two, peakBytes: 0 }).toEqual({ ...one, peakBytes: 0 });
});
