import { describe, expect, it } from 'vitest';
import { criticTrace } from '../src/critic/critic.ts';
import { Draws } from '../src/data/draws.ts';
import { checkRecords, setLabel, type TraceRecord } from '../src/record.ts';
import { corruptRecord, expertRecord, policyRecord, taskRecordRules } from '../src/task/create-record.ts';
import { createInverseRulesTask } from '../src/task/inverse-rules/task.ts';
import type { CorruptedExpert, Demonstration } from '../src/task/task.ts';

const task = createInverseRulesTask({ seed: 1, setting: 'tool', demonstrations: 4, dev: 1, test: 1 });
const choice = { granularity: 'step' } as const;
const rules = taskRecordRules(task, choice);

function records(): TraceRecord[] {
  return task.demonstrations.flatMap((demonstration, i) => {
    const corrupted = task.corrupt(demonstration, new Draws(1, 1, i)) as CorruptedExpert;
    return [
      expertRecord(task, demonstration, choice),
      policyRecord(task, demonstration, demonstration.completionIds.slice(0, 9), choice, { round: 1, index: i }),
      corruptRecord(task, demonstration, corrupted, choice, { round: 1, index: 0 }),
    ];
  });
}

/** The records with one changed in a way that breaks an invariant. */
function broken(change: (record: TraceRecord) => Partial<TraceRecord>): TraceRecord[] {
  const all = records();
  all[3] = { ...(all[3] as TraceRecord), ...change(all[3] as TraceRecord) };
  return all;
}

describe('the records of a task', () => {
  it('keep all invariants as they are made', () => {
    expect(() => checkRecords(records(), rules)).not.toThrow();
  });

  it('carry class, reason, gold and answer of their own', () => {
    const [expert, policy, corrupt] = records() as [TraceRecord, TraceRecord, TraceRecord];
    const demonstration = task.demonstrations[0] as Demonstration;
    expect(expert).toMatchObject({ source: 'expert', label: 'positive', correct: true, finish: 'end', round: 0 });
    expect(expert.answerExtracted).toBe(demonstration.gold);
    expect(policy).toMatchObject({ source: 'policy', label: 'negative', correct: false, finish: 'length', round: 1 });
    expect(corrupt.corruption).toEqual({ sourceId: expert.id, functions: corrupt.corruption?.functions });
    expect([expert, policy, corrupt].map(({ gold }) => gold)).toEqual(Array(3).fill(demonstration.gold));
    expect(expert.segments.length).toBe(expert.marks.length);
    expect(expert.forced.length).toBe(expert.completionIds.length);
  });

  it('D4: have marks of the completion alone, whatever the length of the prompt', () => {
    const { completionIds } = task.demonstrations[0] as Demonstration;
    for (const choice of [{ granularity: 'step' }, { granularity: 'interval', intervalTokens: 5 }] as const) {
      const marks = [1, 4, 9].map((length, index) => {
        const prompt = { ...(task.demonstrations[0] as Demonstration), promptIds: new Uint32Array(length).fill(1) };
        return policyRecord(task, prompt, completionIds, choice, { round: 1, index }).marks;
      });
      expect(marks[1]).toEqual(marks[0]);
      expect(marks[2]).toEqual(marks[0]);
    }
  });

  it('D5: are read by the critic as they were sampled, id for id', () => {
    for (const record of records()) {
      const read = criticTrace(task, record);
      expect(read.completionIds).toBe(record.completionIds);
      expect(read.promptIds.length).toBe(record.promptIds.length);
    }
  });

  it('D1: keep label and gold when the batch is shuffled', () => {
    const all = records();
    const shuffled = new Draws(1, 1, 1).distinct(all.length, all.length).map((i) => all[i] as TraceRecord);
    const byId = new Map(all.map((record) => [record.id, record]));
    expect(() => checkRecords(shuffled, rules)).not.toThrow();
    for (const { id, label, gold } of shuffled) {
      expect({ label, gold }).toEqual({ label: byId.get(id)?.label, gold: byId.get(id)?.gold });
    }
  });
});

describe('checkRecords', () => {
  it.each<[string, RegExp, (record: TraceRecord) => Partial<TraceRecord>]>([
    ['I1: a record id that another has', /I1/, () => ({ id: (records()[0] as TraceRecord).id })],
    ['I1: a text that is not that of the ids', /I1/, () => ({ text: 'other' })],
    ['I1: an id outside the vocabulary', /I1/, ({ promptIds }) => ({ promptIds: promptIds.with(2, 68) })],
    ['I1: no tokens', /I1/, () => ({ completionIds: new Uint32Array(0) })],
    ['I2: the gold of another prompt', /I2/, () => ({ promptId: (records()[0] as TraceRecord).promptId })],
    [
      'I3: marks of another granularity',
      /I3/,
      ({ completionIds }) => ({ marks: Uint32Array.of(completionIds.length - 1) }),
    ],
    ['I3: segments that do not fit the marks', /I3/, () => ({ segments: [{ start: 0, end: 1 }] })],
    ['I4: no reason for the label', /I4/, () => ({ labelReason: '' })],
    ['I6: a score short of T', /I6/, () => ({ critic: new Float32Array(3) })],
    [
      'I6: a score that is not finite',
      /I6/,
      ({ completionIds }) => ({ logp: new Float32Array(completionIds.length).fill(Number.NaN) }),
    ],
    ['I6: a mask short of T', /I6/, () => ({ forced: new Uint8Array(1) })],
  ])('finds %s', (_, message, change) => {
    expect(() => checkRecords(broken(change), rules)).toThrow(message);
  });

  it('finds I2: another prompt under the same id', () => {
    const all = records();
    const other = (all[3] as TraceRecord).promptIds;
    all[1] = { ...(all[1] as TraceRecord), promptIds: other };
    expect(() => checkRecords(all, rules)).toThrow(/I2/);
  });

  it('finds I5: an expert without its end token', () => {
    const demonstration = task.demonstrations[3] as Demonstration;
    const cut = { ...demonstration, completionIds: demonstration.completionIds.slice(0, -1) };
    expect(() => checkRecords([...records().slice(0, 9), expertRecord(task, cut, choice)], rules)).toThrow(/I5/);
  });
});

describe('setLabel', () => {
  it('I4: sets a label once a round, with its reason, and tells whether it changed', () => {
    const record = records()[1] as TraceRecord;
    setLabel(record, 'negative', 'other answer', record.round);
    expect(record.relabelled).toBe(false);
    setLabel(record, 'positive', 'agrees with the expert', 3);
    expect(record).toMatchObject({ label: 'positive', labelReason: 'agrees with the expert', relabelled: true });
    expect(() => setLabel(record, 'negative', 'again', 3)).toThrow(/I4/);
  });
});
