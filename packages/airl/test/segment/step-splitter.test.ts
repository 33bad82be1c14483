import { describe, expect, it } from 'vitest';
import { splitSteps } from '../../src/segment/step-splitter.ts';
import { bestTimeMs } from '../best-time-ms.ts';

const BREAK = '\n';

describe('splitSteps', () => {
  it('S1: ends at a full stop, an exclamation mark, a closing tag and the last token', () => {
    const pieces = [
      ...['<think>', BREAK, 'It', ' weighs', ' 3.', '5', ' kg', '.', BREAK, 'So', ' e.g.', ' 7', '!'],
      ...['</think>', BREAK, '<answer>', BREAK, '7', BREAK, '</answer>'],
    ];
    expect(splitSteps(pieces)).toEqual([7, 12, 13, 19]);
  });

  it('S2: passes over "no.", over a stop before a digit, and ends at list numbers and after a bracket', () => {
    const pieces = [
      ...['The', ' answer', ' is', ' no', '.', BREAK, 'We', ' get', ' 12', '.', ' 4', ' more', ';', ' then'],
      ...[BREAK, '1', '.', ' add', ' (ok', ')', BREAK, 'done'],
    ];
    expect(splitSteps(pieces)).toEqual([5, 12, 16, 20, 21]);
  });

  it('S3: drops white space after a mark but keeps a blank line of its own', () => {
    expect(splitSteps(['.', BREAK, '<think>', BREAK, BREAK, 'Hi', '.', ' ', '\n\n'])).toEqual([0, 4, 6, 8]);
  });

  it('marks nothing before visible text, even where a tag is spread over pieces', () => {
    expect(splitSteps(['<', 'think', '>', '\n\n', 'a', '.', 'b'])).toEqual([5, 6]);
    expect(splitSteps(['<|im_start|>', '\n\n', 'Yes', '!', ' x'])).toEqual([3, 4]);
  });

  it('takes a "." after a word that merely ends like an abbreviation', () => {
    expect(splitSteps(['the', ' casino', '.', ' It', ' pays'])).toEqual([2, 4]);
    expect(splitSteps(['Dr', '.', ' No', ' pays'])).toEqual([3]);
  });

  it('sees every explicit end', () => {
    for (const end of ['<|im_end|>', '<|endoftext|>', '<|eot_id|>', '####', '\r\n\r\n', '\n- ', '\n* ', '\n• ']) {
      expect(splitSteps(['a', end, 'b']), JSON.stringify(end)).toEqual([1, 2]);
    }
    expect(splitSteps(['a', '\n', '10', '.', ' b', ' c'])).toEqual([3, 5]);
  });

  it('is linear on a long run of blanks', () => {
    const pieces = Array.from({ length: 4000 }, () => ' '.repeat(200));
    expect(splitSteps(pieces)).toEqual([3999]);
    expect(bestTimeMs(() => splitSteps(pieces))).toBeLessThan(200);
  });

  it('of nothing is nothing', () => {
    expect(splitSteps([])).toEqual([]);
  });
});
