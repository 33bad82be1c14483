import { describe, expect, it } from 'vitest';
import { movingAverage, nearestIndex, roundTicks, scaleOf, shortNumber } from '../../page/scale.ts';
import { pageStages } from '../../src/report/stages.ts';

describe('the curves of a report', () => {
  it('lie together by stage and metric, those wanted most first; steps without a finite number are left out', () => {
    const stages = pageStages([
      {
        name: 'SFT',
        run: 0,
        metrics: [
          { step: 0, loss: 2, lr: 1 },
          { step: 1, loss: 1, lr: 1 },
          { step: 2, loss: null },
        ],
      },
      {
        name: 'SFT',
        run: 1,
        metrics: [
          { step: 0, loss: 3 },
          { step: 4, loss: Number.NaN },
          { step: 3, loss: 1.5 },
        ],
      },
      { name: 'GRPO', run: 1, metrics: [{ step: 0, reward: 1 }] },
    ]);
    expect(stages.map(({ name }) => name)).toEqual(['SFT']);
    expect(stages[0]!.metrics.map(({ key, isShown, unit }) => [key, isShown, unit])).toEqual([
      ['loss', true, 'nats'],
      ['lr', false, ''],
    ]);
    expect(stages[0]!.metrics[0]!.lines).toEqual([
      { run: 0, x: [0, 1], y: [2, 1] },
      { run: 1, x: [0, 3], y: [3, 1.5] },
    ]);
  });

  it('take the last of several rows of a step, and means over many', () => {
    const [stage] = pageStages([
      {
        name: 's',
        run: 0,
        metrics: [
          { step: 0, loss: 9 },
          { step: 0, loss: 5 },
          { step: 1, loss: 4 },
        ],
      },
    ]);
    expect(stage!.metrics[0]!.lines[0]).toEqual({ run: 0, x: [0, 1], y: [5, 4] });
    const [long] = pageStages([
      { name: 's', run: 0, metrics: Array.from({ length: 1200 }, (_, step) => ({ step, loss: step % 2 })) },
    ]);
    expect(long!.metrics[0]!.lines[0]!.x).toHaveLength(600);
    expect(long!.metrics[0]!.lines[0]!.y.every((value) => value === 0.5)).toBe(true);
  });
});

describe('the scales of a chart', () => {
  it('map values to pixels and back, linear and logarithmic', () => {
    const linear = scaleOf(10, 20, 100, 200, false);
    expect(linear.at(15)).toBe(150);
    expect(linear.valueAt(150)).toBe(15);
    const log = scaleOf(0.01, 100, 0, 400, true);
    expect(log.at(1)).toBeCloseTo(200, 9);
    expect(log.valueAt(300)).toBeCloseTo(10, 9);
    expect(log.at(-1)).toBeNaN();
    expect(scaleOf(3, 3, 0, 100, false).at(3)).toBe(0);
  });

  it('have round numbers as marks', () => {
    expect(roundTicks(0, 1, 5, false).map(shortNumber)).toEqual(['0', '0.2', '0.4', '0.6', '0.8', '1']);
    expect(roundTicks(-7, 12, 4, false)).toEqual([-5, 0, 5, 10]);
    expect(roundTicks(0.001, 1, 5, true).map(shortNumber)).toEqual([
      '0.001',
      '0.003',
      '0.01',
      '0.03',
      '0.1',
      '0.3',
      '1',
    ]);
    expect(roundTicks(2, 2, 5, false)).toEqual([2]);
  });

  it('write numbers in few characters', () => {
    expect([0, 0.123456, -1.5, 1234.6, 1.2e7, 3e-7].map(shortNumber)).toEqual([
      '0',
      '0.1235',
      '−1.5',
      '1,235',
      '1.2e7',
      '3e−7',
    ]);
  });

  it('find the nearest of an ascending list, and average around each', () => {
    expect([-1, 0.4, 0.6, 9].map((value) => nearestIndex([0, 1, 2], value))).toEqual([0, 0, 1, 2]);
    expect(movingAverage([0, 3, 6, 9], 1)).toEqual([1.5, 3, 6, 7.5]);
    expect(movingAverage([4, 2], 0)).toEqual([4, 2]);
  });
});
