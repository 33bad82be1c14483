import { describe, expect, it } from 'vitest';
import { Draws } from '../../src/data/draws.ts';
import { canonicalTarget, type Example } from '../../src/data/example.ts';
import { checkRecords, type TraceRecord } from '../../src/record.ts';
import { corruptRecord, expertRecord, policyRecord, taskRecordRules } from '../../src/task/create-record.ts';
import type { CorruptedExpert, Demonstration } from '../../src/task/task.ts';
import { createTextTask, type TextCodec, type TextTaskOptions } from '../../src/task/text-task.ts';

/** One id a byte-sized character, 0 at the end: a real, if simple, tokenizer. */
const codec: TextCodec = {
  vocabSize: 256,
  endId: 0,
  encodePrompt: (text) => [...text].map((char) => char.charCodeAt(0)),
  encodeCompletion: (text) => [...text].map((char) => char.charCodeAt(0)),
  decode: (ids) => String.fromCharCode(...ids),
  pieces: (ids) => ids.map((id) => (id === 0 ? '<end>' : String.fromCharCode(id))),
};

const rows = (prefix: string, count: number): Example[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `${prefix}${i}`,
    prompt: `${prefix} question ${i}`,
    target: canonicalTarget(`${i} + 2 = ${i + 2}.\nSo ${i + 2}.`, String(i + 2)),
    answer: String(i + 2),
  }));

const options: TextTaskOptions = {
  name: 'sums',
  demonstrations: rows('demo', 10),
  unlabelled: rows('free', 5),
  dev: rows('dev', 3),
  test: rows('test', 4),
  codec,
  limits: { maxPromptTokens: 40, maxCompletionTokens: 100 },
  overlong: 'error',
  checker: 'numeric',
  corruptions: ['corrupt_numbers', 'corrupt_answer_nearby_number'],
  seed: 1,
};

const task = createTextTask(options);
const choice = { granularity: 'step' } as const;

describe('createTextTask', () => {
  it('makes ids once, with the end token on experts and corrupted experts alike', () => {
    const demonstration = task.demonstrations[3] as Demonstration;
    expect(task.decode(demonstration.completionIds)).toBe(options.demonstrations[3]?.target);
    expect(demonstration.completionIds.at(-1)).toBe(0);
    const corrupted = task.corrupt(demonstration, new Draws(1, 1, 1)) as CorruptedExpert;
    expect(corrupted.completionIds.at(-1)).toBe(0);
    expect(task.decode(corrupted.completionIds)).not.toBe(task.decode(demonstration.completionIds));
  });

  it('makes records that keep the invariants', () => {
    const records = task.demonstrations.flatMap((demonstration, i): TraceRecord[] => [
      expertRecord(task, demonstration, choice),
      policyRecord(task, demonstration, Uint32Array.from([65, 66, 46, 0]), choice, { round: 1, index: i }),
      corruptRecord(task, demonstration, task.corrupt(demonstration, new Draws(1, 1, i)) as CorruptedExpert, choice, {
        round: 1,
        index: 0,
      }),
    ]);
    expect(() => checkRecords(records, taskRecordRules(task, choice))).not.toThrow();
    expect(records[0]?.correct).toBe(true);
    expect([...(records[1]?.marks ?? [])]).toEqual([2, 3]);
  });

  it('visits each unlabelled prompt once an epoch, by index', () => {
    const ids = Array.from({ length: 10 }, (_, i) => task.unlabelled(i)?.id as string);
    expect(new Set(ids.slice(0, 5)).size).toBe(5);
    expect(createTextTask(options).unlabelled(7)?.id).toBe(ids[7]);
    expect(createTextTask({ ...options, unlabelled: [] }).unlabelled(0)).toBeUndefined();
  });

  it('checks answers by the checker named', () => {
    const prompt = task.test[1] as (typeof task.test)[number];
    expect(task.check('<answer>3.0</answer>', prompt).outcome).toBe('correct');
    expect(task.check('3', prompt).outcome).toBe('unparsed');
  });

  it('puts an instruction into a system message, or before the question where there is none', () => {
    const demonstrations = rows('demo', 1).map((row) => ({ ...row, system: 'Think.' }));
    const encodeSystemPrompt = (system: string, text: string): number[] =>
      codec.encodePrompt(`[${system}]${text}`) as number[];
    const textOf = (changes: Partial<TextTaskOptions>): string => {
      const { promptIds } = createTextTask({ ...options, demonstrations, ...changes })
        .demonstrations[0] as Demonstration;
      return String.fromCharCode(...promptIds);
    };
    expect(textOf({})).toBe('Think.\n\ndemo question 0');
    expect(textOf({ codec: { ...codec, encodeSystemPrompt } })).toBe('[Think.]demo question 0');
    expect(textOf({ codec: { ...codec, encodeSystemPrompt }, noSystem: true })).toBe('Think.\n\ndemo question 0');
  });

  it("D17: knows the texts of a question's options when it checks", () => {
    const choices = { A: 'red', B: 'green' };
    const test = [{ id: 'c', prompt: 'Which?', answer: 'green', options: choices }];
    const { test: prompts, check } = createTextTask({ ...options, checker: 'choice', test });
    const outcomes = ['green', 'B', 'B. green', 'A', 'red'].map((answer) => {
      return check(`<answer>${answer}</answer>`, prompts[0] as (typeof prompts)[number]).outcome;
    });
    expect(outcomes).toEqual(['correct', 'correct', 'correct', 'wrong', 'wrong']);
  });

  it('D8: gives all stored wrong traces of a demonstration, those over the limit left out', () => {
    const corruptedTargets = ['1', '2', '3'].map((answer) => canonicalTarget('no', answer));
    const long = canonicalTarget('x'.repeat(100), '4');
    const demonstrations = rows('demo', 2).map((row) => ({ ...row, corruptedTargets: [...corruptedTargets, long] }));
    const stored = createTextTask({ ...options, demonstrations, corruptions: ['stored_trace'] });
    const demonstration = stored.demonstrations[1] as Demonstration;
    const all = stored.storedCorruptions(demonstration);
    expect(all.map(({ completionIds }) => stored.decode(completionIds))).toEqual(corruptedTargets);
    expect(all.every(({ completionIds }) => completionIds.at(-1) === 0)).toBe(true);
    const drawn = Array.from({ length: 40 }, (_, i) => stored.corrupt(demonstration, new Draws(1, 1, i)));
    const texts = drawn.flatMap((made) => (made === undefined ? [] : [stored.decode(made.completionIds)]));
    expect([...new Set(texts)].sort()).toEqual(corruptedTargets);
    expect(task.storedCorruptions(task.demonstrations[0] as Demonstration)).toEqual([]);
  });

  it('counts rows that it drops for their length, and refuses them by default', () => {
    const long: Example = { id: 'long', prompt: 'x'.repeat(50), target: canonicalTarget('a', '1'), answer: '1' };
    const withLong = { ...options, demonstrations: [...options.demonstrations, long] };
    expect(() => createTextTask(withLong)).toThrow(/1 of 11 rows over data\.max_prompt_tokens=40/);
    const dropped = createTextTask({ ...withLong, overlong: 'drop' });
    expect([dropped.demonstrations.length, dropped.dropped]).toEqual([10, 1]);
  });

  it('refuses a demonstration without a target and a prompt in two splits', () => {
    const bare: Example = { id: 'bare', prompt: 'p', answer: '1' };
    expect(() => createTextTask({ ...options, demonstrations: [bare] })).toThrow(/row bare: expected a "target"/);
    expect(() => createTextTask({ ...options, test: options.dev })).toThrow(/no prompt in two splits/);
  });
});
