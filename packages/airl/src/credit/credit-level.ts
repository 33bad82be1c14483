import { ToolError } from '@dawngrad/tensor';
import type { Granularity } from '../segment/marks.ts';

export const CREDIT_LEVELS = ['sequence', 'token', 'segment'] as const;
export type CreditLevel = (typeof CREDIT_LEVELS)[number];

/**
 * Whether a credit level goes with a granularity: a sparse critic has one value a completion, and the
 * segments of a dense critic are its tokens.
 */
export function isCreditValid(granularity: Granularity, level: CreditLevel): boolean {
  if (granularity === 'sparse') return level === 'sequence';
  return granularity !== 'dense' || level !== 'segment';
}

/** Throws ToolError 'config' where a credit level does not go with a granularity. */
export function checkCredit(granularity: Granularity, level: CreditLevel): void {
  if (isCreditValid(granularity, level)) return;
  throw new ToolError('config', {
    op: 'credit.level, reward.granularity',
    expected: `${CREDIT_LEVELS.filter((valid) => isCreditValid(granularity, valid)).join(' or ')} with ${granularity}`,
    got: level,
  });
}
