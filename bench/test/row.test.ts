import { expect, test } from 'vitest';
import { type Finding, toRow } from '../src/row.ts';

const ceilings = { gflops: 100, gbytes: 10 };
const origin = { adapter: 'vendor · model', driver: 'a driver 1.2', commit: 'abcdef0' };
const finding: Finding = {
  name: 'matmul f32 NN 8x8x8',
  params: { m: 8 },
  library: 'dawngrad',
  time: { n: 5, min: 8, median: 10, p95: 12 },
  work: { flops: 5e8, bytes: 1e6, tokens: 100 },
  dispatches: 1,
  submits: 1,
  newBuffers: 0,
  peakBytes: 3e6,
  details: { clock: 'device' },
};

test('a row has every figure, with rates and the share of the ceiling taken from the median', () => {
  expect(JSON.parse(JSON.stringify(toRow('kernels', finding, ceilings, origin)))).toEqual({
    suite: 'kernels',
    name: 'matmul f32 NN 8x8x8',
    params: { m: 8 },
    library: 'dawngrad',
    median_ms: 10,
    min_ms: 8,
    p95_ms: 12,
    gflops: 50,
    gbps: 0.1,
    ceiling_share: 0.5,
    dispatches: 1,
    submits: 1,
    new_buffers: 0,
    peak_bytes: 3e6,
    ...origin,
    details: {
      ...{ clock: 'device', runs: 5 },
      ...{ tokens_per_second: 10_000, launches_per_token: 0.01, bytes_per_token: 1e4 },
    },
  });
});

test('what does not apply is null, also after a round trip', () => {
  const { name, params, library, details } = finding;
  const row = JSON.parse(JSON.stringify(toRow('peers', { name, params, library, details }, ceilings, origin)));
  for (const key of ['median_ms', 'min_ms', 'p95_ms', 'gflops', 'gbps', 'ceiling_share', 'dispatches', 'submits']) {
    expect(row, key).toHaveProperty(key, null);
  }
  expect(row).toMatchObject({ new_buffers: null, peak_bytes: null });
});

test('work without bytes has no bandwidth, and none at all no share', () => {
  const some = toRow('train', { ...finding, work: { flops: 1e9, bytes: 0 } }, ceilings, origin);
  expect(some).toMatchObject({ gbps: null, ceiling_share: 1 });
  const none = toRow('dispatch', { ...finding, work: { flops: 0, bytes: 0 } }, ceilings, origin);
  expect(none).toMatchObject({ gflops: null, gbps: null, ceiling_share: null });
});
