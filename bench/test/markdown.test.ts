import { expect, test } from 'vitest';
import { markdownReport } from '../src/markdown.ts';
import { rowFixture } from './row-fixture.ts';

test('a run is told where it was measured, then suite by suite', () => {
  const rows = [
    rowFixture({ suite: 'kernels', name: 'matmul f32', gflops: 50, gbps: 0.1, ceiling_share: 0.5 }),
    rowFixture({ suite: 'dispatch', name: 'encode', details: { us_per_dispatch: 2.345 } }),
  ];
  expect(markdownReport(rows)).toBe(`Measured on \`a driver 1.2\` (vendor · model), commit abcdef0.

### kernels

| case | median ms | GFLOP/s | GB/s | of the ceiling |
| --- | --- | --- | --- | --- |
| matmul f32 | 10.0 | 50.0 | 0.100 | 50 % |

### dispatch

| case | median ms | by | µs a launch | launches / submits / new buffers | new bind groups |
| --- | --- | --- | --- | --- | --- |
| encode | 10.0 | dawngrad | 2.35 | 1 / 1 / 0 |  |
`);
});

test('peers stand in columns as multiples of our median, where they take part', () => {
  const rows = [
    rowFixture({ suite: 'peers', name: 'a product', median_ms: 10 }),
    rowFixture({ suite: 'peers', name: 'a product', library: 'jax-js', median_ms: 25, submits: 2, peak_bytes: 4e6 }),
    rowFixture({ suite: 'peers', name: 'a product', library: 'onnxruntime-web', median_ms: 5 }),
    rowFixture({ suite: 'peers', name: 'a step', median_ms: 20 }),
    rowFixture({ suite: 'peers', name: 'a step', library: 'jax-js', median_ms: 20 }),
  ];
  const lines = markdownReport(rows).split('\n');
  expect(lines[4]).toMatch(/^\| work \| dawngrad \| jax-js \| onnxruntime-web \| launches .*: dawngrad \| jax-js \|$/);
  expect(lines[6]).toBe('| a product | 10.0 ms | 2.5x | 0.5x | 1 / 1 / 0, 3.00 | 1 / 2 / 0, 4.00 |');
  expect(lines[7]).toBe('| a step | 20.0 ms | 1.0x |  | 1 / 1 / 0, 3.00 | 1 / 1 / 0, 3.00 |');
});

test('no rows are no report', () => {
  expect(markdownReport([])).toBe('');
});
