import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLatex } from '../../src/verify/latex.ts';
import { compareMath } from '../../src/verify/math.ts';
import { bestTimeMs } from '../best-time-ms.ts';

describe('the math checker', () => {
  it.each([
    // Numbers as the numeric checker takes them.
    ['1,000', '1000', 'correct'],
    ['12{,}345', '12345', 'correct'],
    ['0.5', '\\frac{1}{2}', 'correct'],
    ['17\\frac{1}{2}', '17.5', 'correct'],
    ['0.333333333333', '1/3', 'wrong'],
    ['90^\\circ', '90', 'correct'],
    ['5\\text{ cm}', '5', 'correct'],
    // Roots, powers, constants, functions.
    ['\\frac{\\sqrt{2}}{2}', '1/\\sqrt{2}', 'correct'],
    ['\\frac{\\sqrt2}{2}', '\\frac1{\\sqrt{2}}', 'correct'],
    ['\\dfrac{3\\pi}{4}', '0.75\\pi', 'correct'],
    ['2π', '2\\pi', 'correct'],
    ['√2', '\\sqrt{2}', 'correct'],
    ['2\\sqrt{3}', '\\sqrt{12}', 'correct'],
    ['\\sqrt[3]{8}', '2', 'correct'],
    ['2^{10}', '1024', 'correct'],
    ['1.5 \\times 10^3', '1500', 'correct'],
    ['1.5 \\cdot 10^{-3}', '0.0015', 'correct'],
    ['e^2', '\\exp(2)', 'correct'],
    ['\\ln(e)', '1', 'correct'],
    ['\\sin(x)^2 + \\cos(x)^2', '1', 'correct'],
    ['\\infty', '\\infty', 'correct'],
    ['\\sqrt{3}', '\\sqrt{2}', 'wrong'],
    // Expressions with variables.
    ['x^2+2x+1', '(x+1)^2', 'correct'],
    ['(x+1)(x-1)', 'x^2-1', 'correct'],
    ['(x+1)^2', 'x^2+2x', 'wrong'],
    ['ab', 'ba', 'correct'],
    ['x', 'y', 'wrong'],
    ['\\frac{a}{b}', 'a/b', 'correct'],
    ['x=5', '5', 'correct'],
    ['$x = \\frac{1}{2}$', '0.5', 'correct'],
    // Tuples, intervals, sets, lists.
    ['(1,2)', '(1, 2)', 'correct'],
    ['(1,2)', '(2,1)', 'wrong'],
    ['\\left(\\frac{3}{2}, 1\\right)', '(1.5,1)', 'correct'],
    ['[0,1)', '[0, 1)', 'correct'],
    ['[0,1)', '[0,1]', 'wrong'],
    ['(-\\infty,3]', '(-\\infty, 3]', 'correct'],
    ['x \\in [0,1]', '[0,1]', 'correct'],
    ['\\{1,2\\}', '\\{2,1\\}', 'correct'],
    ['\\{1,1\\}', '\\{2,1\\}', 'wrong'],
    ['1, \\sqrt{4}', '2, 1', 'correct'],
    // Words are compared as words.
    ['\\text{yes}', 'yes', 'correct'],
    ['dog', 'god', 'unparsed'],
    // No expressions.
    ['', '5', 'unparsed'],
    ['((((((((', '5', 'unparsed'],
    ['3!', '6', 'unparsed'],
    ['\\input{file}', '6', 'unparsed'],
    ['\\frac{1}', '1', 'unparsed'],
    ['5', '', 'wrong'],
    ['\\sqrt{2}', '\\frac{1}', 'wrong'],
  ] as const)('takes %j for %j as %s', (answer, gold, outcome) => {
    expect(compareMath(answer, gold)).toBe(outcome);
  });

  it('shows the library no malformed, deep or long text', () => {
    for (const text of [
      '('.repeat(60),
      '-'.repeat(31),
      '2^'.repeat(9),
      '(((((1)))))',
      'x+'.repeat(16),
      '\\foo',
      '2+',
    ]) {
      expect(parseLatex(text), text).toBeUndefined();
    }
  });

  it('never throws on texts made of mathematical pieces', () => {
    const piece = fc.constantFrom(
      ...['(', ')', '{', '}', '[', ']', '\\frac{', '}{', '\\sqrt{', '^', '^{', '-', '+', '*', '/', 'x', '2', '3.5'],
      ...['\\pi', '\\sin', '\\ln', '\\times ', 'a', ' ', '_', '|', '!', ',', '\\{', '\\}', '=', '\\text{', '$'],
    );
    const text = fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, text, (a, b) => ['correct', 'wrong', 'unparsed'].includes(compareMath(a, b))),
      { numRuns: 2000 },
    );
  });

  it('calls an expression equal to itself and different from itself plus one', () => {
    const atom = fc.constantFrom('x', '2', '3.5', '\\pi', 'a');
    const expression = fc.letrec<{ e: string }>((tie) => ({
      e: fc.oneof(
        { maxDepth: 2 },
        atom,
        fc.tuple(tie('e'), fc.constantFrom('+', '*', ''), tie('e')).map(([a, sign, b]) => `(${a})${sign}(${b})`),
        fc.tuple(tie('e'), tie('e')).map(([a, b]) => `\\frac{${a}}{${b}}`),
      ),
    })).e;
    fc.assert(
      fc.property(expression, (text) => {
        if (parseLatex(text) === undefined || parseLatex(`1+${text}`) === undefined) return;
        expect(compareMath(`0+${text}`, text)).toBe('correct');
        expect(compareMath(`1+${text}`, text)).toBe('wrong');
      }),
      { numRuns: 300 },
    );
  });

  it('is quick on the slowest texts that it lets through', () => {
    const slow = [
      'a b c d e f g h i j k l m n o p q r s t u v w x y z',
      '\\infty'.repeat(32),
      '1/'.repeat(15).concat('1'),
    ];
    for (const text of slow)
      expect(
        bestTimeMs(() => compareMath(text, '2x')),
        text,
      ).toBeLessThan(25);
  });
});
