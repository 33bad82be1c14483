import { InvalidArgumentError } from 'commander';

const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1e3],
  ['mb', 1e6],
  ['gb', 1e9],
  ['tb', 1e12],
  ['kib', 2 ** 10],
  ['mib', 2 ** 20],
  ['gib', 2 ** 30],
  ['tib', 2 ** 40],
]);

/** Parses a number of bytes such as `5GB`, `200 MiB` or `1000000`: GB are powers of a thousand, GiB of 1024. */
export function byteSizeOption(text: string): number {
  const [, number = '', unit = ''] = /^\s*(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-z]{0,3})\s*$/.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * (UNITS.get(unit.toLowerCase()) ?? Number.NaN));
  if (number !== '' && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new InvalidArgumentError('Expected a size such as 5GB or 500MiB.');
}
