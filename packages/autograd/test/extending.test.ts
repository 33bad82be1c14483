import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Device, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { build } from 'esbuild';
import { expect, it, vi } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What the test uses of the page's bench case. */
interface PageExports {
  readonly squaredReluGateCase: {
    readonly prepare: (device: Device) => { readonly record: () => readonly Tensor[]; readonly dispose: () => void };
  };
}

it('runs every block of docs/extending.md as one program', async () => {
  const page = readFileSync(join(root, 'docs/extending.md'), 'utf8');
  const blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block]) => block!);
  expect(blocks.length).toBeGreaterThan(8);
  const file = join(root, 'node_modules/.cache', `extending-${process.pid}.mjs`);
  await build({
    // The bench case imports as its own file would.
    stdin: { contents: blocks.join('\n'), resolveDir: join(root, 'bench/src/cases'), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['dawngrad-source'],
    external: ['webgpu'],
    outfile: file,
    logLevel: 'warning',
  });
  const lines: unknown[][] = [];
  vi.spyOn(console, 'log').mockImplementation((...values) => void lines.push(values));
  let exported: PageExports;
  try {
    exported = (await import(file)) as PageExports;
  } finally {
    rmSync(file);
    vi.restoreAllMocks();
  }
  expect(lines).toEqual([
    ['softcap, matrix: right'],
    ['softcap, odd vector: right'],
    ['squaredReluGate, matrix: right'],
    ['squaredReluGate, odd: right'],
    ['squaredReluGate, empty: right'],
    ['centred, rows: right'],
    ['second derivative', [10, 0]],
    ['capped at', 30],
  ]);

  const device = await openDevice();
  const { record, dispose } = exported.squaredReluGateCase.prepare(device);
  await device.finish();
  const before = device.counters.dispatches;
  record();
  expect(device.counters.dispatches - before).toBe(1);
  await device.finish();
  dispose();
  device.close();
});
