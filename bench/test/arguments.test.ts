import { expect, test } from 'vitest';
import { parseArguments } from '../src/arguments.ts';

test('without arguments every case runs and nothing is written', () => {
  expect(parseArguments([])).toEqual({
    filters: [],
    json: undefined,
    seconds: 0.5,
    isList: false,
    isHelp: false,
    peers: undefined,
  });
});

test('words and options stand in any order', () => {
  expect(parseArguments(['matmul', '--json', 'out.json', 'softmax', '--seconds', '2', '--list'])).toMatchObject({
    filters: ['matmul', 'softmax'],
    json: 'out.json',
    seconds: 2,
    isList: true,
  });
});

test.each([
  [['--jsno', 'x'], /--jsno/],
  [['--json'], /a value after --json/],
  [['--seconds', '0'], /--seconds/],
  [['--seconds', 'long'], /got long/],
])('%j is a usage error', (argv, message) => {
  expect(() => parseArguments(argv)).toThrow(message);
  expect(() => parseArguments(argv)).toThrow(expect.objectContaining({ code: 'usage' }));
});
