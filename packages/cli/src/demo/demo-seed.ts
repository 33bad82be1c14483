import { ToolError } from '@dawngrad/tensor';

/** The seed that an option gives: a whole number that fits 32 bits. */
export function seedOf(text: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || seed >= 2 ** 32) {
    throw new ToolError('usage', { op: '--seed', expected: 'a whole number from 0 to 4294967295', got: text });
  }
  return seed;
}
