import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { selfTest } from '../../src/gpu/self-test.ts';
import { openDevice } from '../../src/node.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe('selfTest', () => {
  it('passes on a working device, skips what the adapter lacks, and keeps no memory', async () => {
    const before = device.memory.liveBytes;
    const results = await selfTest(device);
    expect(results.map(({ name }) => name)).toEqual([
      'known answer',
      'long sum',
      'f16 round trip',
      'NaN and Inf by bits',
      'timestamps',
    ]);
    for (const { name, outcome, detail } of results) {
      const feature = { 'f16 round trip': 'shader-f16', timestamps: 'timestamp-query' }[name];
      const expected = feature !== undefined && !device.features.has(feature) ? 'skipped' : 'passed';
      expect(outcome, `${name}: ${detail}`).toBe(expected);
    }
    expect(device.memory.liveBytes).toBe(before);
  });

  it('skips features that the device was opened without', async () => {
    const bare = await openDevice({ without: ['shader-f16', 'timestamp-query'] });
    const outcomes = Object.fromEntries((await selfTest(bare)).map(({ name, outcome }) => [name, outcome]));
    expect(outcomes).toMatchObject({ 'f16 round trip': 'skipped', timestamps: 'skipped', 'long sum': 'passed' });
    bare.close();
  });

  it('fails at the first check on a device that is gone', async () => {
    const gone = await openDevice();
    gone.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const results = await selfTest(gone);
    expect(results).toHaveLength(1);
    expect(results[0]).toMatchObject({ name: 'known answer', outcome: 'failed' });
  });
});
