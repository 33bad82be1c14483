import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareCountdown, parseArithmetic } from '../../src/verify/countdown.ts';

const gold = JSON.stringify({ nums: [18, 18, 74, 33], target: 42 });

describe('the countdown checker', () => {
  it.each([
    ['(74 - 33) + (18 / 18)', 'correct'],
    ['74-33+18/18', 'correct'],
    ['\\boxed{74 - 33 + 18 / 18}', 'correct'],
    // Every number exactly once.
    ['74 - 33 + 1', 'wrong'],
    ['74 - 33', 'wrong'],
    ['74 - 33 + 18 / 18 + 18 - 18', 'wrong'],
    ['42', 'wrong'],
    ['(18 + 18) + (74 - 33)', 'wrong'],
    // Digits, + - * / ( ) and spaces only.
    ['74 - 33 + 18 / 18 = 42', 'unparsed'],
    ['74 - 33 + 18 // 18', 'unparsed'],
    ['18 ** 18 - 74 - 33', 'unparsed'],
    ['74 - 33 + 18 / (18 - 18)', 'unparsed'],
    ['74 - 33 + 18 / 018', 'unparsed'],
    ['(74 - 33 + 18 / 18', 'unparsed'],
    ['74 33 18 18', 'unparsed'],
    ['process.exit(1)', 'unparsed'],
    ['', 'unparsed'],
  ] as const)('takes %j as %s', (answer, outcome) => {
    expect(compareCountdown(answer, gold)).toBe(outcome);
  });

  it('compares exactly: a value within 1e-5 of the target is not the target', () => {
    const nums = [99_999, 100_000, 7];
    expect(compareCountdown('7 * 99999 / 100000', JSON.stringify({ nums, target: 7 }))).toBe('wrong');
    expect(compareCountdown('1 / 3 * 3', JSON.stringify({ nums: [1, 3, 3], target: 1 }))).toBe('correct');
    expect(compareCountdown('8 / (3 - 8 / 3)', JSON.stringify({ nums: [3, 3, 8, 8], target: 24 }))).toBe('correct');
  });

  it('agrees with another expression of the same numbers and value, so that experts can be compared with', () => {
    expect(compareCountdown('82 - 24 + 41', '82 + 41 - 24')).toBe('correct');
    expect(compareCountdown('99', '82 + 41 - 24')).toBe('wrong');
  });

  it('calls everything wrong where the gold answer is none', () => {
    for (const bad of ['', '{', '{}', '{"nums":5,"target":1}', '{"nums":["5"],"target":5}', '[5]', '{"nums":[5]}']) {
      expect(compareCountdown('5', bad)).toBe('wrong');
    }
  });

  it('has the value that JavaScript gives, and never throws', () => {
    const expression = fc.letrec<{ e: string }>((tie) => ({
      e: fc.oneof(
        { maxDepth: 4 },
        fc.integer({ min: 1, max: 99 }).map(String),
        fc
          .tuple(tie('e'), fc.constantFrom(' + ', '-', ' * ', '/'), tie('e'))
          .map(([a, sign, b]) => `(${a}${sign}${b})`),
        tie('e').map((e) => `-${e}`),
      ),
    })).e;
    fc.assert(
      fc.property(expression, (text) => {
        const mine = parseArithmetic(text);
        const value = Function(`return ${text.replaceAll('-', ' - ')}`)() as number;
        if (mine === undefined)
          return !Number.isFinite(value) || text.length > 200 || /\d+/g[Symbol.match](text)!.length > 24;
        return (
          Math.abs(Number(mine.value.numerator) / Number(mine.value.denominator) - value) <=
          1e-9 * Math.max(1, Math.abs(value))
        );
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(
        fc.string({ maxLength: 300 }),
        fc.string(),
        (text, other) => compareCountdown(text, other) !== 'correct' || text !== '',
      ),
    );
  });

  it('is bounded on deep and long texts', () => {
    for (const text of [
      '('.repeat(200),
      '-'.repeat(200),
      `${`${'9'.repeat(9)}*`.repeat(19)}9`,
      `${'1/'.repeat(99)}3`,
    ]) {
      expect(parseArithmetic(text)?.numbers.length ?? 0).toBeLessThanOrEqual(24);
    }
  });
});

const folder = fileURLToPath(new URL('../../../../../shared/data/countdown/', import.meta.url));

describe.skipIf(!existsSync(folder))("the experts' answers of the countdown files", () => {
  // The rest are mistakes of the experts, such as "(33 + 6) / (6) = 6.5" for 6, 6, 33, or hold other signs.
  it.each([
    ['train', 1000, 990],
    ['eval', 123, 122],
    ['test', 300, 295],
  ])('%s: of %i rows, %i verify', (name, count, verified) => {
    const lines = readFileSync(`${folder}${name}.jsonl`, 'utf8').trim().split('\n');
    const rows = lines.map((line) => JSON.parse(line) as { answer: string; reward_model: unknown });
    expect(rows.length).toBe(count);
    const correct = rows.filter((row) => compareCountdown(row.answer, JSON.stringify(row.reward_model)) === 'correct');
    expect(correct.length).toBe(verified);
  });
});
