import { openDevice } from '@dawngrad/tensor/node';
import { expect, it } from 'vitest';
import { runPage } from './run-page.ts';

it('runs every block of docs/tutorial.md as one program, and its losses fall as the text says', async () => {
  const { printed: lines, blocks } = await runPage('tutorial.md');
  expect(blocks).toBeGreaterThan(8);
  const printed = (label: string): unknown[] => {
    const line = lines.find(([first]) => first === label);
    expect(line, label).toBeDefined();
    return line!.slice(1);
  };

  const [xorLosses] = printed('xor: losses') as [number[]];
  expect(xorLosses[0]).toBeCloseTo(Math.LN2, 1);
  expect(xorLosses.at(-1)).toBeLessThan(0.05);
  expect(printed('xor: answers')).toEqual([[0, 1, 1, 0]]);

  const [first, last] = printed('eager: first and last loss') as [number, number];
  expect(first).toBeGreaterThan(Math.log(17));
  expect(last).toBeLessThan(1);
  expect(printed('compiled: largest difference of a loss')[0]).toBeLessThan(1e-4);
  const [, eager, , compiled] = lines.find(([label]) => label === 'launches of a step: eager')!;
  expect(compiled).toBeLessThan(((eager as number) * 2) / 3);
  expect(printed('submits of a step: eager')).toEqual([1, 'compiled', 1]);
  expect(printed('it says')).toEqual(['she sells sea shells']);
  const device = await openDevice();
  const isTimed = device.features.has('timestamp-query');
  device.close();
  expect(lines.some(([text]) => String(text).includes('tensor/attention/forward'))).toBe(isTimed);
  expect(printed('live buffers')).toEqual([0]);
}, 60_000);
