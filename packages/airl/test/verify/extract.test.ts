import { describe, expect, it } from 'vitest';
import { extractAnswer, extractHashAnswer } from '../../src/verify/extract.ts';
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
