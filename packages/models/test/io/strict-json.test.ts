import { ToolError } from '@dawngrad/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStrictJson } from '../../src/io/strict-json.ts';

const LIMITS = { maxDepth: 8, maxKeys: 100 };

function messageOf(text: string, options: Parameters<typeof parseStrictJson>[2] = LIMITS): string {
  try {
    parseStrictJson('f.json', text, options);
  } catch (error) {
    expect(error).toBeInstanceOf(ToolError);
    return (error as ToolError).message;
  }
  return 'accepted';
}

describe('parseStrictJson', () => {
  it('gives what JSON.parse gives for any value without repeated keys', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseStrictJson('f.json', text, LIMITS)).toEqual(JSON.parse(text));
      }),
      { numRuns: 300 },
    );
  });

  it('refuses a repeated key also when one of the two is written with escapes', () => {
    expect(messageOf('{"a":1,"a":2}')).toBe('f.json: expected each key once, got "a" twice in one object.');
    expect(messageOf('{"a":1,"\\u0061":2}')).toContain('each key once');
    expect(messageOf('[{"x":{"k":[1],"b":2,"k":3}}]')).toContain('"k" twice');
  });

  it('accepts equal keys in different objects and strings that only look like keys', () => {
    expect(messageOf('{"a":{"a":1},"b":[{"a":1},{"a":2}],"c":"a","d":"\\"a\\":1,\\"a\\":2"}')).toBe('accepted');
  });

  it('refuses numbers that JSON.parse would turn into Infinity', () => {
    expect(messageOf('{"a":1E400}')).toContain('numbers that a double can hold');
    expect(messageOf('[-1e999]')).toContain('numbers that a double can hold');
  });

  it('takes plain integers only where that is asked for', () => {
    for (const number of ['1.0', '-1', '1e3', '1E3', '-0', '01']) {
      expect(messageOf(`[${number}]`, { ...LIMITS, integersOnly: true })).toContain('plain non-negative integers');
    }
    expect(messageOf('[0,7,120,true,false,null]', { ...LIMITS, integersOnly: true })).toBe('accepted');
  });

  it('stops at the depth and at the key limit', () => {
    expect(messageOf(`${'['.repeat(8)}${']'.repeat(8)}`)).toBe('accepted');
    expect(messageOf('['.repeat(1_000_000))).toContain('nesting of at most 8');
    const keys = Array.from({ length: 101 }, (_, i) => `"${i}":0`);
    expect(messageOf(`{${keys.join(',')}}`)).toContain('at most 100 keys');
  });

  it('reports broken JSON in one line', () => {
    for (const text of ['', '{', '{"a', '{"a":}', '[1,]', '{"a":1}}', 'nul', '"\\u00"', '{"\\x":1}']) {
      const message = messageOf(text);
      expect(message).toContain('f.json: expected JSON');
      expect(message).not.toContain('\n');
    }
  });
});
