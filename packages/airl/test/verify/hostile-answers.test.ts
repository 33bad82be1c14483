import { describe, expect, it } from 'vitest';
import { CHECKERS } from '../../src/verify/checkers.ts';

const LENGTH = 100_000;
const fill = (text: string): string => text.repeat(Math.ceil(LENGTH / text.length));

/** Answers that make a pattern go back, a parser go deep, or a number grow. */
const ANSWERS: Readonly<Record<string, string>> = {
  'open brackets': fill('('),
  'open fractions': fill('\\frac{'),
  'nested brackets': `${'('.repeat(LENGTH / 2)}1${')'.repeat(LENGTH / 2)}`,
  'nested roots': `${'\\sqrt{'.repeat(10_000)}2${'}'.repeat(10_000)}`,
  digits: fill('9'),
  'a tower of powers': `9${'^9'.repeat(1000)}`,
  'a tower in braces': '9^{9^{9^{9^{9^9}}}}',
  'a power of powers': `${'('.repeat(10)}(x+1)${'^9)'.repeat(10)}`,
  'a huge exponent': '2^99999999999',
  thousands: fill('1,000'),
  'a long tail of spaces': `5${' '.repeat(LENGTH)}x`,
  'a unit that is none': `5 ${fill('a.b/')}!`,
  signs: `${fill('-')}1`,
  'open texts': fill('\\text{'),
  backslashes: fill('\\'),
  dollars: fill('$'),
  stars: `${fill('*')}5`,
  'a long sum': `${fill('x+')}x`,
  'a long product': fill('xy'),
  'a long list': fill('1, '),
  'many labels': fill('A. B) '),
  'many sums': fill('1+'),
  factorials: fill('5!'),
};

const GOLDS = ['7', '\\frac{x}{2}', 'B. vitamin', '{"nums":[1,2,3],"target":6}'];

describe('hostile answers', () => {
  // An answer costs below 5 ms on an idle machine; what goes wrong here takes seconds to years.
  it.each(Object.entries(ANSWERS))('with %s take bounded time and are not correct', (_, answer) => {
    const start = performance.now();
    for (const check of Object.values(CHECKERS)) {
      for (const gold of GOLDS) {
        const verdict = check(`<answer>${answer}</answer>`, gold, { A: 'x', B: 'vitamin' });
        expect(verdict.outcome).not.toBe('correct');
      }
    }
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
