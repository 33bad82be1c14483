import { expect, test } from 'vitest';
import type { BenchEnvironment } from '../src/environment.ts';
import { describeRun, figure, rowTable } from '../src/report.ts';
import { type Finding, toRow } from '../src/row.ts';

const environment: BenchEnvironment = {
  date: '2026-01-01T00:00:00.000Z',
  commit: 'abcdef0',
  node: 'v20.20.2',
  adapter: 'vendor · model',
  driver: 'a driver 1.2',
  isSoftwareAdapter: true,
  cpu: 'a processor',
  cores: 2,
  loadPerCore: 0.1,
};

test.each([
  [0, '0'],
  [1234.5, '1235'],
  [12.345, '12.3'],
  [1.2345, '1.23'],
  [0.012345, '0.0123'],
  [0.0000123, '0.0000'],
])('%d is printed as %s', (value, text) => {
  expect(figure(value)).toBe(text);
});

const row = (library: string, median: number) => {
  const finding: Finding = {
    name: 'a product',
    params: {},
    library,
    time: { n: 5, min: median / 2, median, p95: median * 2 },
    work: { flops: 5e8, bytes: 0 },
    dispatches: 3,
    details: { first_ms: 100 },
  };
  return toRow('peers', finding, { gflops: 100, gbytes: 10 }, environment);
};

test('a case is named once, ratios are of medians to ours, and columns without figures are left out', () => {
  const [suite, titles, , ours, theirs] = rowTable([row('dawngrad', 10), row('other', 25)]).split('\n');
  expect(suite).toBe('peers');
  expect(titles).not.toMatch(/GB\/s|peak MB/);
  expect(ours).toMatch(/^a product +dawngrad +10\.0 +5\.00 +20\.0 +50\.0 +50% +3 +100$/);
  expect(theirs).toMatch(/^ +other +25\.0 +12\.5 +50\.0 +2\.50x /);
});

test('a busy machine is named as such, an idle one is not', () => {
  expect(describeRun(environment)).not.toContain('BUSY');
  expect(describeRun({ ...environment, loadPerCore: 0.6 })).toContain('BUSY');
});
