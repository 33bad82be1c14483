import { expect, test } from 'vitest';
import { parseArguments } from '../src/arguments.ts';
import { SUITES } from '../src/row.ts';

test('without arguments every suite runs that needs nothing else', () => {
  expect(parseArguments([])).toEqual({
    suites: ['kernels', 'train', 'decode', 'load', 'memory', 'rl', 'eval', 'dispatch'],
    isQuick: false,
    isAll: false,
    filter: '',
    json: undefined,
    peersFolder: undefined,
    isList: false,
    isHelp: false,
  });
});

test('options stand in any order, and a suite that is named twice runs once', () => {
  const argv = '--json out.json --suite train --quick --suite peers --filter B4 --suite train --peers-folder p'.split(
    ' ',
  );
  expect(parseArguments(argv)).toMatchObject({
    suites: ['train', 'peers'],
    json: 'out.json',
    isQuick: true,
    filter: 'B4',
    peersFolder: 'p',
  });
});

test('--all is every suite', () => {
  expect(parseArguments(['--all'])).toMatchObject({ suites: SUITES, isAll: true });
});

test.each([
  [['--jsno', 'x'], /--jsno/],
  [['matmul'], /got matmul/],
  [['--json'], /a value after --json/],
  [['--filter', '--quick'], /a value after --filter, got --quick/],
  [['--suite', 'speed'], /--suite kernels\|train\|.*got speed/],
  [['--all', '--suite', 'train'], /either --all or --suite/],
])('%j is a usage error of one line', (argv, message) => {
  expect(() => parseArguments(argv)).toThrow(message);
  expect(() => parseArguments(argv)).toThrow(expect.objectContaining({ code: 'usage' }));
  expect(() => parseArguments(argv)).toThrow(/^[^\n]*$/);
});
