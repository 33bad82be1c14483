import { describe, expect, it } from 'vitest';
import { Draws } from '../src/data/draws.ts';
import type { TraceRecord } from '../src/record.ts';
import { RELABEL_MODES, type RelabelMode, relabel, usesChecker } from '../src/relabel.ts';
import { corruptRecord, expertRecord, policyRecord } from '../src/task/create-record.ts';
import { decodePrompt } from '../src/task/inverse-rules/problem.ts';
import { createInverseRulesTask } from '../src/task/inverse-rules/task.ts';
import { baseTrace, encodeTrace } from '../src/task/inverse-rules/trace.ts';
import type { CorruptedExpert, TaskPrompt } from '../src/task/task.ts';

const task = createInverseRulesTask({ seed: 1, setting: 'tool', demonstrations: 16, dev: 1, test: 1 });
const choice = { granularity: 'sparse' } as const;
const experts = new Map(task.demonstrations.map((one) => [one.id, expertRecord(task, one, choice)]));
const prompts: TaskPrompt[] = [...task.demonstrations];

/** Eight base samples of each prompt, and a corrupted expert for each, shuffled. */
function round(of: readonly TaskPrompt[] = prompts): TraceRecord[] {
  const samples = of.flatMap((prompt, p) =>
    Array.from({ length: 8 }, (_, index) => {
      const trace = baseTrace(task.world, decodePrompt(prompt.promptIds), new Draws(2, p, index));
      return policyRecord(task, prompt, encodeTrace(trace), choice, { round: 1, index });
    }),
  );
  const corrupted = task.demonstrations.map((one, i) =>
    corruptRecord(task, one, task.corrupt(one, new Draws(1, 1, i)) as CorruptedExpert, choice, { round: 1, index: 0 }),
  );
  const all = [...samples, ...corrupted];
  return new Draws(5, 5, 5).distinct(all.length, all.length).map((i) => all[i] as TraceRecord);
}

const options = (mode: RelabelMode) => ({
  mode,
  round: 1,
  experts,
  check: (text: string, gold: string) => task.check(text, { ...(prompts[0] as TaskPrompt), gold }),
});

describe('relabel', () => {
  it.each(['expert-agreement', 'checker'] as const)(
    'T27: %s compares 128 of 128 samples with their own answer',
    (mode) => {
      const records = round();
      const counts = relabel(records, options(mode));
      expect(counts.compared).toBe(128);
      expect(counts.relabelled).toBe(records.filter(({ source, correct }) => source === 'policy' && correct).length);
      expect(counts.relabelled).toBeGreaterThan(20);
      for (const { source, label, correct, relabelled } of records) {
        expect(label).toBe(source === 'policy' && correct ? 'positive' : 'negative');
        expect(relabelled).toBe(source === 'policy' && correct);
      }
    },
  );

  it('D8, D12: keeps every corrupted expert a negative, also one with the right answer', () => {
    const records = round();
    relabel(records, options('checker'));
    const corrupted = records.filter(({ source }) => source === 'corrupt');
    expect(corrupted.length).toBe(16);
    expect(corrupted.some(({ correct }) => correct)).toBe(true);
    expect(corrupted.every(({ label }) => label === 'negative')).toBe(true);
  });

  it('compares nothing when off, and no prompt without an expert under agreement', () => {
    expect(relabel(round(), options('off'))).toEqual({ compared: 0, relabelled: 0, unparsed: 0 });
    const strangers = round([task.unlabelled(0) as TaskPrompt]);
    expect(relabel(strangers, options('expert-agreement')).compared).toBe(0);
    expect(relabel(round([task.unlabelled(0) as TaskPrompt]), options('checker')).compared).toBe(8);
  });

  it('hands the checker the sample itself, so that each is judged by its own prompt', () => {
    const records = round();
    const seen = new Map<string, string>();
    relabel(records, {
      ...options('checker'),
      check: (text, gold, record) => {
        expect([record.text, record.gold]).toEqual([text, gold]);
        seen.set(record.id, record.promptId);
        return { outcome: 'unparsed', answer: null, strict: false };
      },
    });
    expect(seen.size).toBe(128);
    expect(records.every(({ label }) => label === 'negative')).toBe(true);
    const counts = relabel(round(), {
      ...options('checker'),
      check: () => ({ outcome: 'unparsed', answer: null, strict: false }),
    });
    expect(counts).toEqual({ compared: 128, relabelled: 0, unparsed: 128 });
  });

  it('tells which modes depend on a checker', () => {
    expect(RELABEL_MODES.filter(usesChecker)).toEqual(['expert-agreement', 'checker']);
  });

  it('I4: refuses to label the same round twice', () => {
    const records = round();
    relabel(records, options('checker'));
    expect(() => relabel(records, options('checker'))).toThrow(/I4/);
  });
});
