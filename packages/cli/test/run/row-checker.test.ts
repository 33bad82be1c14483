import { expect, it } from 'vitest';
import { rowChecker } from '../../src/run/row-checker.ts';

it.each([
  ['gsm8k', null, 'numeric'],
  ['mmlu_kd', null, 'choice'],
  ['medical', null, 'choice'],
  ['countdown', null, 'countdown'],
  ['aime_2025', null, 'numeric'],
  ['jsonl', 'math', 'math'],
  ['gsm8k', 'exact', 'exact'],
] as const)('the checker of %s rows with data.checker=%s is %s', (format, checker, expected) => {
  expect(rowChecker({ format, checker })).toBe(expected);
});
