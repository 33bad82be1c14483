import { InvalidArgumentError } from 'commander';

/** Parses the value of an option as an integer of at least `min`; commander prints what is thrown, and exits with 2. */
export function integerOption(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^-?\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
    throw new InvalidArgumentError(`Expected an integer of at least ${min}.`);
  };
}

/** Parses the value of an option as a number from `min` to `max`. */
export function numberOption(min: number, max = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= min && value <= max && Number.isFinite(value)) return value;
    const range = Number.isFinite(max) ? `from ${min} to ${max}` : `of at least ${min}`;
    throw new InvalidArgumentError(`Expected a number ${range}.`);
  };
}

/** Parses ids as `1,2,3`. */
export function idsOption(text: string): number[] {
  const ids = text.split(',').map((part) => Number(part.trim() === '' ? Number.NaN : part));
  if (ids.every((id) => Number.isSafeInteger(id) && id >= 0)) return ids;
  throw new InvalidArgumentError('Expected ids as 1,2,3.');
}
