import { describe, expect, it } from 'vitest';
import { lengthOnly, shuffleLabels } from '../../src/critic/control.ts';
import { auroc } from '../../src/critic/critic-metrics.ts';
import { Draws } from '../../src/data/draws.ts';
import { checkRecords, type TraceRecord } from '../../src/record.ts';
import { corruptRecord, expertRecord, policyRecord, taskRecordRules } from '../../src/task/create-record.ts';
import type { CorruptedExpert, Demonstration } from '../../src/task/task.ts';
import { tinyTask } from '../train/tiny-run.ts';

const task = tinyTask();
const marks = { granularity: 'step' } as const;
const positives = task.demonstrations.map((one) => expertRecord(task, one, marks));
const corrupted = task.demonstrations.map((one, i) =>
  corruptRecord(task, one, task.corrupt(one, new Draws(1, 1, i)) as CorruptedExpert, marks, { round: 1, index: i }),
);
/** Two samples a prompt that ended by themselves: traces of other experts. */
const samples = task.demonstrations.flatMap((one, p) =>
  [1, 2].map((by) => {
    const other = task.demonstrations[(p + by) % task.demonstrations.length]!;
    return policyRecord(task, one, other.completionIds, marks, { round: 1, index: by });
  }),
);
const negatives = [...samples, ...corrupted];

describe('shuffleLabels', () => {
  const classes = (step: number) => shuffleLabels({ positives, negatives }, new Draws(3, 3, step));
  const ids = (records: readonly TraceRecord[]): string[] => records.map(({ id }) => id);

  it('keeps the examples, and how many of each class every prompt has', () => {
    const shuffled = classes(0);
    expect(ids([...shuffled.positives, ...shuffled.negatives]).sort()).toEqual(
      ids([...positives, ...negatives]).sort(),
    );
    const perPrompt = (records: readonly TraceRecord[]): Record<string, number> =>
      Object.fromEntries(
        task.demonstrations.map(({ id }) => [id, records.filter(({ promptId }) => promptId === id).length]),
      );
    expect(perPrompt(shuffled.positives)).toEqual(perPrompt(positives));
    expect(perPrompt(shuffled.negatives)).toEqual(perPrompt(negatives));
  });

  it('is the same for the same draws, and makes each trace a positive as often as any other', () => {
    expect(ids(classes(5).positives)).toEqual(ids(classes(5).positives));
    const count = Array.from({ length: 400 }, (_, step) =>
      classes(step).positives.filter((one) => one.source === 'expert'),
    );
    // One of four traces of each prompt is the expert.
    expect(count.flat().length / (400 * positives.length)).toBeCloseTo(0.25, 1);
  });
});

describe('lengthOnly', () => {
  it('leaves of a completion its length, and nothing else that a critic reads', () => {
    const seen = lengthOnly(task, [...positives, ...negatives]);
    seen.forEach((record, i) => {
      const { completionIds, promptIds, marks } = [...positives, ...negatives][i]!;
      expect(record.completionIds.length).toBe(completionIds.length);
      expect(new Set(record.completionIds)).toEqual(new Set([task.endIds[0]]));
      expect([record.promptIds, record.marks]).toEqual([promptIds, marks]);
    });
    // The records themselves are as they were.
    expect(() => checkRecords([...positives, ...negatives], taskRecordRules(task, marks))).not.toThrow();
  });
});

describe('the last token', () => {
  it('D10: of experts, samples and corrupted experts that ended tells nothing of the class', () => {
    const all = [...positives, ...negatives];
    expect(() => checkRecords(all, taskRecordRules(task, marks))).not.toThrow();
    const last = all.map(({ completionIds }) => completionIds.at(-1) as number);
    const isPositive = all.map((_, i) => i < positives.length);
    expect(auroc(last, isPositive)).toBe(0.5);
    // An expert whose end token is missing would give its class away, and is refused (I5).
    const [first, second] = task.demonstrations as [Demonstration, Demonstration];
    const bare = expertRecord(task, { ...first, completionIds: first.completionIds.slice(0, -1) }, marks);
    const both = [expertRecord(task, second, marks), bare];
    expect(() => checkRecords(both, taskRecordRules(task, marks))).toThrow(/I5/);
  });
});
