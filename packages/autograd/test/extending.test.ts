import type { Device, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { expect, it } from 'vitest';
import { runPage } from './run-page.ts';

/** What the test uses of the page's bench case. */
interface PageExports {
  readonly squaredReluGateCase: {
    readonly prepare: (device: Device) => { readonly record: () => readonly Tensor[]; readonly dispose: () => void };
  };
}

it('runs every block of docs/extending.md as one program', async () => {
  // The bench case imports as its own file would.
  const { printed, exported, blocks } = await runPage<PageExports>('extending.md', 'bench/src/cases');
  expect(blocks).toBeGreaterThan(8);
  expect(printed).toEqual([
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
