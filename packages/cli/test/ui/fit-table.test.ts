import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { cutMiddle, fitTable } from '../../src/ui/fit-table.ts';

const TABLE = {
  columns: [
    { header: 'run', align: 'left' as const },
    { header: 'model', align: 'left' as const },
    { header: 'step', align: 'right' as const },
  ],
  rows: [
    ['experiments/math/interval/seed-1', 'qwen2.5-0.5b', '7'],
    ['試験/推論', 'llama', '500'],
    ['with \u001b[31mred\u001b[0m\nand a line', '', ''],
  ],
};
const widest = (text: string): number => Math.max(...text.split('\n').map((line) => stringWidth(line)));

describe('a table', () => {
  test.each([200, 80, 48, 40, 30, 20])('takes at most %i cells a line', (width) => {
    const text = fitTable(TABLE, width);
    expect(widest(text)).toBeLessThanOrEqual(width);
    expect(text).not.toContain('\u001b');
    expect(text).toMatch(/500/);
  });

  test('gives each column what it needs where there is room', () => {
    expect(fitTable(TABLE, 200).split('\n')).toEqual([
      'run                               model         step',
      '--------------------------------  ------------  ----',
      'experiments/math/interval/seed-1  qwen2.5-0.5b     7',
      '試験/推論                         llama          500',
      'with [31mred[0m and a line',
    ]);
  });

  test('keeps the end of what it cuts', () => {
    expect(cutMiddle('experiments/math/seed-1', 12)).toBe('exper...ed-1');
  });

  test('wide characters take two cells', () => {
    expect(stringWidth(cutMiddle('推論推論推論推論', 9))).toBeLessThanOrEqual(9);
  });

  test('becomes blocks of lines where the columns do not fit', () => {
    expect(fitTable(TABLE, 20).split('\n').slice(0, 4)).toEqual([
      'run    exper...eed-1',
      'model  qwen2.5-0.5b',
      'step   7',
      '',
    ]);
  });
});
