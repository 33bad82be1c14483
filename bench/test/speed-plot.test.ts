import { expect, test } from 'vitest';
import { speedBars, speedPlot } from '../src/speed-plot.ts';
import { rowFixture } from './row-fixture.ts';

const rows = [
  rowFixture({ suite: 'peers', name: 'a product', median_ms: 10 }),
  rowFixture({ suite: 'peers', name: 'a product', library: 'jax-js', median_ms: 25 }),
  rowFixture({ suite: 'peers', name: 'a product', library: 'tfjs', median_ms: 50 }),
  rowFixture({ suite: 'kernels', name: 'a product', library: 'jax-js', median_ms: 99 }),
];

test('a bar is the median of a peer over ours, from the suite of the peers alone', () => {
  expect(speedBars(rows)).toEqual([
    { work: 'a product', library: 'jax-js', ratio: 2.5 },
    { work: 'a product', library: 'tfjs', ratio: 5 },
  ]);
});

test('the plot names the work, the libraries, the driver and the commit, with one bar a peer', async () => {
  const svg = await speedPlot(rows);
  expect(svg).toMatch(/^<svg /);
  for (const text of ['a product', 'jax-js', 'tfjs', 'a driver 1.2, commit abcdef0']) expect(svg).toContain(text);
  const barsOf = (colour: string) => svg.match(new RegExp(`<path d="M[^"]+h[^"]+v[^"]+Z" fill="${colour}"/>`, 'g'));
  expect(barsOf('#0072b2')).toHaveLength(1);
  expect(barsOf('#e69f00')).toHaveLength(1);
});
