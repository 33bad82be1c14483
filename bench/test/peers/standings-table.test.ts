import { expect, test } from 'vitest';
import type { Standing } from '../../src/peers/compare.ts';
import { standingsTable } from '../../src/peers/standings-table.ts';

const standing = (library: string, min: number): Standing => ({
  workload: 'a product',
  flops: 2e6,
  library,
  wall: { n: 5, min, p10: min, median: min * 2, p90: min * 3 },
  firstRun: 100,
  counts: { dispatches: 1, passes: 1, submits: 2, pipelines: 0, buffers: 3 },
  peakBytes: 1e6,
  difference: 0,
});

test('a workload is named once, and ratios are of minima to the first library', () => {
  const [, , ours, theirs] = standingsTable([standing('ours', 4), standing('theirs', 10)]).split('\n');
  expect(ours).toMatch(/^a product +ours +4\.00 +8\.00 +0\.500 +100 /);
  expect(theirs).toMatch(/^ +theirs +10\.0 +20\.0 +0\.200 +2\.50x /);
});
