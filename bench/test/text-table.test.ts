import { expect, test } from 'vitest';
import { formatTable } from '../src/text-table.ts';

test('texts stand to the left and numbers to the right under a rule', () => {
  const columns = [
    { title: 'case', isNumber: false },
    { title: 'ms', isNumber: true },
  ];
  expect(
    formatTable(columns, [
      ['a', '10.5'],
      ['long name', '2'],
    ]),
  ).toBe('case         ms\n---------  ----\na          10.5\nlong name     2\n');
});

test('no line ends in blanks', () => {
  const table = formatTable([{ title: 'a', isNumber: false }], [['long cell'], ['']]);
  expect(table).not.toMatch(/ \n/);
});
