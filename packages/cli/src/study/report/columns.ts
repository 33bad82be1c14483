import type { Column } from '@dawngrad/eval';

/** A column of words. */
export function left(header: string): Column {
  return { header, align: 'left' };
}

/** A column of numbers. */
export function right(header: string): Column {
  return { header, align: 'right' };
}
