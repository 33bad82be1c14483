import { describe, expect, it } from 'vitest';
import { smooth, stageCurves } from '../../src/report/curves.ts';

describe('curves', () => {
  it('draw the first preferred metrics that were logged', () => {
    const metrics = [0, 1, 2].map((step) => ({ step, loss: step, reward: step, kl: step, entropy: step, note: 'x' }));
    expect(stageCurves('GRPO', metrics).curves.map(({ key }) => key)).toEqual(['reward', 'loss', 'kl']);
    expect(stageCurves('GRPO', metrics, ['entropy', 'absent']).curves.map(({ key }) => key)).toEqual(['entropy']);
  });

  it('leave out what is not a finite number, and order by step', () => {
    const metrics = [
      { step: 2, loss: 1 },
      { step: 0, loss: 3 },
      { step: 1, loss: null },
      { step: 3, loss: 'NaN' },
      { loss: 9 },
    ];
    expect(stageCurves('SFT', metrics).curves[0]!.points).toEqual([
      [0, 3],
      [2, 1],
    ]);
  });

  it('are thinned by means, which keeps the mean of the metric', () => {
    const metrics = Array.from({ length: 1000 }, (_, step) => ({ step, loss: step % 7 }));
    const { points } = stageCurves('SFT', metrics).curves[0]!;
    expect(points.length).toBe(200);
    const mean = points.reduce((sum, [, value]) => sum + value, 0) / points.length;
    expect(mean).toBeCloseTo(metrics.reduce((sum, row) => sum + row.loss, 0) / 1000, 10);
  });

  it('are smoothed without a lag: a straight line stays itself inside', () => {
    const line = Array.from({ length: 20 }, (_, i) => i);
    expect(smooth(line, 3).slice(3, -3)).toEqual(line.slice(3, -3));
    expect(smooth([0, 3, 0], 1)).toEqual([1.5, 1, 1.5]);
    expect(smooth([4, 8], 0)).toEqual([4, 8]);
  });
});
