import { describe, expect, it } from 'vitest';
import {
  EXTRACTORS,
  extractAnswer,
  extractBoxed,
  extractHashAnswer,
  extractLastNumber,
  extractStatedAnswer,
} from '../../src/verify/extract.ts';
import { bestTimeMs } from '../best-time-ms.ts';

describe('extractAnswer', () => {
  it.each([
    ['<think>\nx\n</think>\n<answer>\n72\n</answer>', '72'],
    ['<answer>1</answer> <answer> 2 </answer>', '2'],
    ['<answer>1</answer> <answer>2', '2'],
    ['<answer>1<answer>2</answer>', '2'],
    ['<answer> 9 </answer> 10 </answer>', '9'],
    ['reasoning 5</answer>', 'reasoning 5'],
    ['5</answer> more </answer>', '5'],
    ['</answer><answer>', ''],
    ['</answer> <answer> 3', '3'],
    ['<answer></answer>', ''],
    ['<answer>\t</answer>', ''],
    ['no tags at all: 72', null],
    ['', null],
    ['< answer >5</ answer >', null],
    ['<ANSWER>5</ANSWER>', null],
  ])('of %j is %j', (text, expected) => {
    expect(extractAnswer(text)).toBe(expected);
  });

  it('is linear in the length of the text', () => {
    for (const text of ['<answer>'.repeat(50_000), '</answer>'.repeat(50_000), '<'.repeat(400_000)]) {
      expect(bestTimeMs(() => extractAnswer(text))).toBeLessThan(20);
    }
  });
});

describe('extractHashAnswer', () => {
  it.each([
    ['48/2=24\n#### 72', '72'],
    ['#### 1,000', '1,000'],
    ['####18', '18'],
    ['#### $18', '$18'],
    ['#### 3/4\n', '3/4'],
    ['#### 1\n#### 2', '2'],
    ['#### 5\nmore', '5'],
    ['###### 5', '5'],
    ['#### ', ''],
    ['### 5', null],
    ['', null],
  ])('of %j is %j', (text, expected) => {
    expect(extractHashAnswer(text)).toBe(expected);
  });
});

describe('extractBoxed', () => {
  it.each([
    ['so \\boxed{72}.', '72'],
    ['\\boxed{1} then \\boxed{ 2 }', '2'],
    ['\\boxed{\\frac{1}{2}}', '\\frac{1}{2}'],
    ['\\boxed{\\{1,2\\}}', '\\{1,2\\}'],
    ['\\fbox{a} \\framebox{b}', 'b'],
    ['\\boxed{1} and \\boxed{2', '1'],
    ['{\\boxed{3}}', '3'],
    ['\\boxed{a \\boxed{b}}', 'a \\boxed{b}'],
    ['\\boxed 5', null],
    ['', null],
  ])('of %j is %j', (text, expected) => {
    expect(extractBoxed(text)).toBe(expected);
  });
});

describe('extractStatedAnswer', () => {
  it.each([
    ['The answer is (B).', '(B)'],
    ['The answer is 3.5. Done.', '3.5'],
    ['The answer is A. No, the answer is C.\n\n', 'C'],
    ['**Final answer:** 42', '42'],
    ['Answer = 7\nmore', '7'],
    ['the answer is', null],
    ['no statement', null],
  ])('of %j is %j', (text, expected) => {
    expect(extractStatedAnswer(text)).toBe(expected);
  });
});

describe('extractLastNumber', () => {
  it.each([
    ['5 and then 1,234.50, so', '1,234.50'],
    ['it is -7.', '-7'],
    ['costs $5', '$5'],
    ['half is 1/2', '1/2'],
    ['up 50%', '50%'],
    ['none', null],
  ])('of %j is %j', (text, expected) => {
    expect(extractLastNumber(text)).toBe(expected);
  });
});

describe('every extractor', () => {
  it('is linear on hostile text', () => {
    for (const part of ['\\boxed{', '{', '}', '\\', 'answer', 'answer is ', ' ', '1,', '####', '$', '<answer>']) {
      const text = part.repeat(Math.ceil(100_000 / part.length));
      for (const [name, extract] of Object.entries(EXTRACTORS)) {
        expect(
          bestTimeMs(() => extract(text)),
          `${name} ${part}`,
        ).toBeLessThan(40);
      }
    }
  });

  it('lenient takes the first kind that is there', () => {
    const { lenient } = EXTRACTORS;
    expect(lenient('<answer>1</answer> \\boxed{2}')).toBe('1');
    expect(lenient('\\boxed{2} answer is 3')).toBe('2');
    expect(lenient('answer is 3 of 4')).toBe('3 of 4');
    expect(lenient('so 3 of 4')).toBe('4');
  });
});
