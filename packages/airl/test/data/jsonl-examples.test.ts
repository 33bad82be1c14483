import { describe, expect, it } from 'vitest';
import { collectExamples } from '../../src/data/collect-examples.ts';
import { canonicalTarget } from '../../src/data/example.ts';

const load = (...lines: readonly string[]) => collectExamples('jsonl', lines, 'my.jsonl').examples;

describe('rows of the user', () => {
  it('take prompt, answer and an optional target and id; numbers count as text', () => {
    expect(load('{"prompt":"a","answer":5}', '{"id":"r","prompt":"b","answer":"6","target":"t"}')).toEqual([
      { id: 'my.jsonl:1', prompt: 'a', answer: '5' },
      { id: 'r', prompt: 'b', answer: '6', target: 't' },
    ]);
  });

  it('take messages as a prompt, and bring blocks into the canonical form', () => {
    const prompt = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'How many?' },
    ];
    const completion = '<think>two and two</think> <answer> 4 </answer>\n';
    expect(load(JSON.stringify({ prompt, answer: '4', completion, category: 'sums' }))).toEqual([
      {
        id: 'my.jsonl:1',
        system: 'Be brief.',
        prompt: 'How many?',
        answer: '4',
        target: canonicalTarget('two and two', '4'),
        category: 'sums',
      },
    ]);
  });

  it.each([
    [
      [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
      ],
      'user, assistant',
    ],
    [[{ role: 'system', content: 'a' }], 'system'],
    [[], 'none'],
    [[null], 'undefined'],
  ])('refuse the messages %j', (prompt, got) => {
    expect(() => load(JSON.stringify({ prompt, answer: '4' }))).toThrow(
      `my.jsonl:1: expected a system message at most and then one user message in "prompt", got ${got}`,
    );
  });

  it('name both lines of a duplicate id', () => {
    const line = '{"id":"r","prompt":"b","answer":"6"}';
    expect(() => load(line, line)).toThrow(/my\.jsonl:2: expected an id of its own, got "r", the id of my\.jsonl:1/);
  });

  it('refuse an empty target, and take null as absent', () => {
    expect(() => load('{"prompt":"a","answer":"5","target":""}')).toThrow(/"target"/);
    expect(load('{"prompt":"a","answer":"5","target":null}')[0]?.target).toBeUndefined();
  });

  it('are not fooled by names on the prototype', () => {
    expect(() => load('{"__proto__":{"prompt":"a"},"answer":"5"}')).toThrow(/"prompt"/);
  });
});
