import { describe, expect, it } from 'vitest';
import { loadJsonlExamples } from '../../src/data/jsonl-examples.ts';

describe('loadJsonlExamples', () => {
  it('takes prompt, answer and an optional target and id; numbers count as text', () => {
    expect(
      loadJsonlExamples(['{"prompt":"a","answer":5}', '{"id":"r","prompt":"b","answer":"6","target":"t"}'], 'my.jsonl'),
    ).toEqual([
      { id: 'my.jsonl:1', prompt: 'a', answer: '5' },
      { id: 'r', prompt: 'b', answer: '6', target: 't' },
    ]);
  });

  it('names both lines of a duplicate id', () => {
    const line = '{"id":"r","prompt":"b","answer":"6"}';
    expect(() => loadJsonlExamples([line, line], 'my.jsonl')).toThrow(
      /my\.jsonl:2: expected an id of its own, got "r", the id of line 1/,
    );
  });

  it('refuses an empty target, and takes null as absent', () => {
    expect(() => loadJsonlExamples(['{"prompt":"a","answer":"5","target":""}'], 'f')).toThrow(/"target"/);
    expect(loadJsonlExamples(['{"prompt":"a","answer":"5","target":null}'], 'f')[0]?.target).toBeUndefined();
  });

  it('is not fooled by names on the prototype', () => {
    expect(() => loadJsonlExamples(['{"__proto__":{"prompt":"a"},"answer":"5"}'], 'f')).toThrow(/"prompt"/);
  });
});
