import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalNumbers, parseNumber } from '../../src/verify/number.ts';
import { bestTimeMs } from '../best-time-ms.ts';

/** The number as text, or null where the text is no number. */
function show(text: string): string | null {
  const number = parseNumber(text);
  if (number === undefined) return null;
  return number.denominator === 1n ? `${number.numerator}` : `${number.numerator}/${number.denominator}`;
}

const TABLE: [string, string | null][] = [
  // Plain numbers and signs.
  ['0', '0'],
  ['-0', '0'],
  ['7', '7'],
  ['007', '7'],
  ['+7', '7'],
  ['-7', '-7'],
  ['\u22127', '-7'],
  ['- 7', '-7'],
  [' 42 ', '42'],
  ['\n42\n', '42'],
  ['12.0', '12'],
  ['12.', '12'],
  ['12.50', '25/2'],
  ['.5', '1/2'],
  ['-.5', '-1/2'],
  ['0.1', '1/10'],
  ['3.14159', '314159/100000'],
  // Thousands.
  ['1,000', '1000'],
  ['1,234,567.89', '123456789/100'],
  ['12,000', '12000'],
  ['1,00', null],
  ['12,34', null],
  ['1,0000', null],
  [',100', null],
  ['1.000,5', null],
  // Currency.
  ['$5', '5'],
  ['-$5', '-5'],
  ['$-5', '-5'],
  ['$1,234.50', '2469/2'],
  ['\\$18', '18'],
  ['£3', '3'],
  ['€ 3', '3'],
  ['¥300', '300'],
  ['$', null],
  // Fractions.
  ['3/4', '3/4'],
  ['6/8', '3/4'],
  ['-3/4', '-3/4'],
  ['3 / 4', '3/4'],
  ['1 1/2', '3/2'],
  ['-1 1/2', '-3/2'],
  ['1/0', null],
  ['\\frac{1}{2}', '1/2'],
  ['\\dfrac{3}{4}', '3/4'],
  ['\\tfrac{ 3 }{ 6 }', '1/2'],
  ['-\\frac{1}{2}', '-1/2'],
  ['\\frac{1', null],
  ['1/2/3', null],
  // Wrappers.
  ['\\boxed{72}', '72'],
  ['\\boxed{\\frac{1}{2}}', '1/2'],
  ['$\\boxed{72}$', '72'],
  ['$72$', '72'],
  ['\\(72\\)', '72'],
  ['**72**', '72'],
  ['**$72**', '72'],
  ['\\boxed{72', null],
  ['\\boxed{7}2}', null],
  ['\\text{72}', '72'],
  ['72.', '72'],
  ['17\\frac{1}{2}', '35/2'],
  ['2\\frac{3}{2}', null],
  ['\\frac12', '1/2'],
  ['\\frac123', null],
  ['12{,}345', '12345'],
  ['1\\,000', '1000'],
  ['5\\,\\text{cm}', '5'],
  ['5 \\text{ cm}^2', null],
  ['90^\\circ', '90'],
  ['90^{\\circ}', '90'],
  ['\\[72\\]', '72'],
  // Percent and units.
  ['50%', '50'],
  ['50 %', '50'],
  ['50\\%', '50'],
  ['18 dollars', '18'],
  ['18 dollars.', '18'],
  ['5 km/h', '5'],
  ['3 cups of flour', '3'],
  ['12 m²', '12'],
  ['90°', '90'],
  ['5kg', '5'],
  ['10 half-litre bottles', '10'],
  // No number.
  ['', null],
  [' ', null],
  ['eighteen', null],
  ['the answer is 5', null],
  ['x = 5', null],
  ['5 or 6', null],
  ['5, 6', null],
  ['3 + 4', null],
  ['48/2 = 24', null],
  ['2*3', null],
  ['2^3', null],
  ['12:30', null],
  ['1.2.3', null],
  ['1e3', null],
  ['0x10', null],
  ['5 million', null],
  ['5k', null],
  ['2 and a half', null],
  ['2pi', null],
  ['2x', null],
  ['three 5', null],
  ['--5', null],
  ['5-', null],
  ['5?', null],
  ['(5)', null],
  ['[5]', null],
  ['{5}', null],
  ['NaN', null],
  ['Infinity', null],
  ['５', null],
  ['1 000', null],
  ['process.exit(1)', null],
  ['__proto__', null],
  ['1'.repeat(40), '1'.repeat(40)],
  ['1'.repeat(41), null],
  [`0.${'1'.repeat(60)}`, null],
  ['9'.repeat(100_000), null],
];

describe('parseNumber', () => {
  it.each(TABLE)('reads %j as %j', (text, expected) => {
    expect(show(text)).toBe(expected);
  });

  it('is not moved by spaces, commas, currency, percent signs, units and dots (1,000 variants)', () => {
    const style = fc.record({
      value: fc.integer({ min: -9_999_999, max: 9_999_999 }),
      commas: fc.boolean(),
      currency: fc.constantFrom('', '$', '€'),
      decimals: fc.constantFrom('', '.0', '.00'),
      unit: fc.constantFrom('', '%', ' apples', ' km', '.'),
      space: fc.constantFrom('', ' ', '\n'),
    });
    fc.assert(
      fc.property(style, ({ value, commas, currency, decimals, unit, space }) => {
        const digits = String(Math.abs(value));
        const body = commas ? digits.replace(/\B(?=(\d{3})+$)/g, ',') : digits;
        const text = `${space}${value < 0 ? '-' : ''}${currency}${body}${decimals}${unit}${space}`;
        expect(show(text)).toBe(String(value));
      }),
      { numRuns: 1000 },
    );
  });

  it('compares fractions exactly', () => {
    const same = (a: string, b: string): boolean => {
      const [x, y] = [parseNumber(a), parseNumber(b)];
      return x !== undefined && y !== undefined && equalNumbers(x, y);
    };
    expect(same('0.1', '1/10')).toBe(true);
    expect(same('0.3333333333333333', '1/3')).toBe(false);
    expect(same('9007199254740993', '9007199254740992')).toBe(false);
    expect(same('2.50', '5/2')).toBe(true);
  });

  it('never throws, and takes under 5 ms for a text of 100,000 characters', () => {
    const texts = ['$', '-', '(', '{', '\\boxed{', '1,', '1,000', ' ', '.', '%', 'a ', '1 ', '\\frac{'].map((part) =>
      part.repeat(Math.ceil(100_000 / part.length)),
    );
    for (const text of [...texts, ...texts.map((long) => long.slice(0, 120))]) {
      expect(
        bestTimeMs(() => parseNumber(text)),
        text.slice(0, 10),
      ).toBeLessThan(5);
    }
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => show(text) !== ''));
  });
});
