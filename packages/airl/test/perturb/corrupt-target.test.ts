import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { collectExamples } from '../../src/data/collect-examples.ts';
import { Draws } from '../../src/data/draws.ts';
import { canonicalTarget, parseCanonicalTarget, type TargetParts } from '../../src/data/example.ts';
import { readLines } from '../../src/node/read-lines.ts';
import { corruptTarget } from '../../src/perturb/corrupt-target.ts';
import { TEXT_EDITS, type TextEditName } from '../../src/perturb/text-edits.ts';

const NAMES = Object.keys(TEXT_EDITS) as TextEditName[];
const MATH: readonly TextEditName[] = [
  'flip_operator_in_one_step',
  'corrupt_answer_nearby_number',
  'corrupt_answer_with_think_number',
  'corrupt_numbers',
];
const TARGET = canonicalTarget(
  'May: 48/2 = 24 clips.\nA two-page note.\nAll: 48 + 24 = 72 clips.\n- Hypertension leads to increased risk in an elderly man, who should rest.',
  '72',
);

/** The two parts of a target. */
function parts(text: string): TargetParts {
  return parseCanonicalTarget(text) as TargetParts;
}

function corrupted(target: string, name: TextEditName, count = 50): TargetParts[] {
  return Array.from({ length: count }, (_, i) => {
    const result = corruptTarget({ target }, [name], new Draws(1, 1, i));
    expect(result?.functions).toEqual([name]);
    return parts(result?.text as string);
  });
}

describe('corruptTarget', () => {
  it.each(NAMES)('D12: %s always changes its own region and nothing else', (name) => {
    const source = parts(TARGET);
    for (const { reasoning, answer } of corrupted(TARGET, name)) {
      if (TEXT_EDITS[name].region === 'answer') {
        expect(reasoning).toBe(source.reasoning);
        expect(answer).not.toBe(source.answer);
      } else {
        expect(answer).toBe(source.answer);
        expect(reasoning).not.toBe(source.reasoning);
      }
    }
  });

  it('D12: draws subset and edits anew for each trace', () => {
    const results = Array.from({ length: 100 }, (_, i) => corruptTarget({ target: TARGET }, MATH, new Draws(1, 1, i)));
    expect(new Set(results.map((result) => result?.functions.join())).size).toBeGreaterThan(20);
    expect(new Set(results.map((result) => result?.functions.length))).toEqual(new Set([1, 2, 3, 4]));
    for (const result of results) expect(result?.text).not.toBe(TARGET);
  });

  it('is undefined where nothing can be changed or the text is not canonical', () => {
    const words = canonicalTarget('No numbers here.', 'red');
    expect(
      corruptTarget({ target: words }, ['flip_operator_in_one_step', 'corrupt_numbers'], new Draws(1, 1, 1)),
    ).toBeUndefined();
    expect(corruptTarget({ target: '48/2 = 24' }, NAMES, new Draws(1, 1, 1))).toBeUndefined();
  });
});

describe('flip_operator_in_one_step', () => {
  it('replaces the first operator of one line by another, and no hyphen of a word', () => {
    const lines = parts(TARGET).reasoning.split('\n');
    const seen = new Set<string>();
    for (const { reasoning } of corrupted(TARGET, 'flip_operator_in_one_step', 100)) {
      const changed = reasoning.split('\n').flatMap((line, i) => (line === lines[i] ? [] : [line]));
      expect(changed.length).toBe(1);
      seen.add(changed[0] as string);
    }
    expect([...seen].sort()).toEqual(
      [
        ...['*', '+', '-'].map((operator) => `May: 48${operator}2 = 24 clips.`),
        ...['*', '/', '-'].map((operator) => `All: 48 ${operator} 24 = 72 clips.`),
      ].sort(),
    );
  });

  it('knows the multiplication signs that GSM8K writes', () => {
    const seen = corrupted(canonicalTarget('12 x 2 = 24', '24'), 'flip_operator_in_one_step');
    expect(new Set(seen.map(({ reasoning }) => reasoning))).toEqual(
      new Set(['12 / 2 = 24', '12 + 2 = 24', '12 - 2 = 24']),
    );
  });
});

describe('corrupt_answer_nearby_number', () => {
  it.each([
    ['72', ['71', '73']],
    ['0', ['-1', '1']],
    ['1.50', ['1.49', '1.51']],
    ['yes', ['no']],
    ['False', ['true']],
    ['ab', ['ba']],
    ['x', ['x.']],
  ])('makes %j one of %j', (answer, expected) => {
    const seen = corrupted(canonicalTarget('r', answer), 'corrupt_answer_nearby_number');
    expect(new Set(seen.map((result) => result.answer))).toEqual(new Set(expected));
  });
});

describe('corrupt_answer_with_think_number', () => {
  it('takes another number of the reasoning', () => {
    const seen = corrupted(TARGET, 'corrupt_answer_with_think_number');
    expect(new Set(seen.map(({ answer }) => answer))).toEqual(new Set(['48', '2', '24']));
  });

  it('takes a nearby number where the reasoning has no other', () => {
    const seen = corrupted(canonicalTarget('72 it is', '72'), 'corrupt_answer_with_think_number');
    expect(new Set(seen.map(({ answer }) => answer))).toEqual(new Set(['71', '73']));
  });
});

describe('corrupt_numbers', () => {
  it('changes a quarter as many numbers as there are digits, from the left', () => {
    // Ten digits: two numbers, 48 and 2.
    for (const { reasoning } of corrupted(TARGET, 'corrupt_numbers')) {
      const numbers = (reasoning.match(/-?\d+/g) ?? []).map(Number);
      expect(numbers.slice(2).map(Math.abs)).toEqual([24, 48, 24, 72]);
      expect([1, 2, 5, 10]).toContain(Math.abs((numbers[0] as number) - 48));
      expect([1, 2, 5, 10]).toContain(Math.abs((numbers[1] as number) - 2));
    }
  });

  it('moves a decimal by 0.5 to 2 and keeps its places', () => {
    for (const { reasoning } of corrupted(canonicalTarget('costs 10.25', '1'), 'corrupt_numbers')) {
      const moved = /^costs (\d+\.\d\d)$/.exec(reasoning)?.[1];
      expect(Math.abs(Number(moved) - 10.25)).toBeGreaterThanOrEqual(0.49);
      expect(Math.abs(Number(moved) - 10.25)).toBeLessThanOrEqual(2.01);
    }
  });
});

const train = fileURLToPath(new URL('../../../../../shared/data/gsm8k/train.jsonl', import.meta.url));

describe.skipIf(!existsSync(train))('on the experts of GSM8K', () => {
  it('makes a negative of every one of the first 1,000', () => {
    const examples = collectExamples('gsm8k', readLines(train), 'train.jsonl').examples.slice(0, 1000);
    const made = examples.filter(({ target }, i) => {
      const result = corruptTarget({ target: target as string }, MATH, new Draws(3, 3, i));
      return result !== undefined && result.text !== target;
    });
    expect(made.length).toBe(1000);
  });
});
