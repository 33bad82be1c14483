import { expect, test } from 'vitest';
import type { BenchEnvironment } from '../src/environment.ts';
import type { Measurement } from '../src/measure.ts';
import { describeRun, figure, reportJson, reportTable } from '../src/report.ts';

const environment: BenchEnvironment = {
  date: '2026-01-01T00:00:00.000Z',
  commit: 'abcdef0',
  node: 'v20.20.2',
  adapter: 'vendor · model',
  isSoftwareAdapter: true,
  cpu: 'a processor',
  cores: 2,
  loadPerCore: 0.1,
};
const ceilings = { gflops: 100, gbytes: 10 };
const times = { n: 5, min: 8, p10: 9, median: 10, p90: 12 };
const row: Measurement = {
  name: 'matmul NN 8x8x8',
  work: { flops: 5e8, bytes: 1e6 },
  device: times,
  wall: { ...times, median: 20 },
  firstRun: 100,
  dispatches: 1,
  submits: 1,
  buffersCreated: 0,
  peakBytes: 3e6,
  largestBytes: 1e6,
  largestLabel: 'a',
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

test('rates come from the time on the device, not from the wall time', () => {
  const line = reportTable([row], ceilings).split('\n')[2]!;
  expect(line).toContain('50.0'); // 5e8 operations in 10 ms
  expect(line).toContain('50%');
});

test('rates come from the wall time where a pass for each timestamp took longer', () => {
  const line = reportTable([{ ...row, wall: { ...times, median: 5 } }], ceilings).split('\n')[2]!;
  expect(line).toContain('100%');
});

test('without timestamps rates come from the wall time', () => {
  const line = reportTable([{ ...row, device: undefined }], ceilings).split('\n')[2]!;
  expect(line).toContain('25%');
});

test('tokens a second count the whole wall time', () => {
  const line = reportTable([{ ...row, work: { ...row.work, tokens: 100 } }], ceilings).split('\n')[2]!;
  expect(line).toContain(' 5000 ');
});

test('a busy machine is named as such, an idle one is not', () => {
  expect(describeRun(environment)).not.toContain('BUSY');
  expect(describeRun({ ...environment, loadPerCore: 0.6 })).toContain('BUSY');
  expect(reportJson({ ...environment, loadPerCore: 0.6 }, ceilings, [row])).toMatchObject({ isBusy: true });
});

test('the JSON survives a round trip and holds the share of the roofline', () => {
  const json = JSON.parse(JSON.stringify(reportJson(environment, ceilings, [row])));
  expect(json).toMatchObject({ schema: 1, environment, ceilings, rows: [{ name: row.name, rooflineShare: 0.5 }] });
});
