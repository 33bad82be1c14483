import { describe, expect, it } from 'vitest';
import { Alarms } from '../../src/metrics/alarms.ts';
import { METRICS, type MetricDefinition } from '../../src/metrics/names.ts';
import { recordRun } from '../train/tiny-run.ts';

function listen() {
  const { context, notes } = recordRun();
  return { alarms: new Alarms(context.reporter), notes };
}

describe('Alarms', () => {
  it('says of every metric with an alarm what to do', () => {
    for (const [name, { alarm, remedy }] of Object.entries<MetricDefinition>(METRICS)) {
      if (alarm === undefined) continue;
      const { alarms, notes } = listen();
      const value = alarm.above === undefined ? (alarm.below as number) - 1 : alarm.above * 2 + 1;
      for (let i = 0; i < (alarm.steps ?? 1); i++) alarms.check({ [name]: value });
      expect(notes, name).toEqual([expect.stringContaining(`: ${remedy}`)]);
    }
  });

  it('tells once that a metric is outside its limits', () => {
    const { alarms, notes } = listen();
    alarms.check({ step: 1, grad_norm: 10, kl: 0.1 });
    expect(notes).toEqual([]);
    for (const step of [2, 3]) alarms.check({ step, grad_norm: 12.3456, kl: 0.1 });
    expect(notes).toEqual([
      expect.stringMatching(/^warning: grad_norm is 12\.3, above 10 \(norm of the policy gradient before clipping\): /),
    ]);
  });

  it('waits for as many rows in a row as the alarm asks, on either side', () => {
    const { alarms, notes } = listen();
    const check = (value: number, count: number): void => {
      for (let i = 0; i < count; i++) alarms.check({ step: i, 'disc/acc': value });
    };
    check(0.5, 49);
    check(0.7, 1);
    check(0.99, 49);
    // A row without the metric does not end the count.
    alarms.check({ step: 9 });
    expect(notes).toEqual([]);
    check(0.99, 1);
    expect(notes).toEqual([expect.stringMatching(/^warning: disc\/acc is 0\.99, above 0\.98 after 50 rows/)]);
    const low = listen();
    for (let i = 0; i < 50; i++) low.alarms.check({ 'disc/acc': 0.5 });
    expect(low.notes).toEqual([expect.stringMatching(/is 0\.5, below 0\.52/)]);
  });
});
