import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Granularity } from '@dawngrad/airl';
import { ToolError } from '@dawngrad/tensor';
import { CONFIG } from '../run/run-directory.ts';
import type { LocaliseOptions } from './localise-options.ts';

/** Where a critic is read. */
export interface CriticMarks {
  readonly granularity: Granularity;
  readonly intervalTokens: number;
}

const INTERVAL_TOKENS = 15;

/**
 * The marks of the command line, else those of the run that trained the critic
 * (`<run>/ckpt/<step>/critic`). Throws ToolError 'usage' where neither says.
 */
export function criticMarks(
  folder: string,
  options: Pick<LocaliseOptions, 'granularity' | 'intervalTokens'>,
): CriticMarks {
  const lock = join(dirname(dirname(dirname(folder))), CONFIG);
  const trained = existsSync(lock)
    ? (JSON.parse(readFileSync(lock, 'utf8')) as { reward?: { granularity?: Granularity; interval_tokens?: number } })
        .reward
    : undefined;
  const granularity = options.granularity ?? trained?.granularity;
  if (granularity === undefined) {
    throw new ToolError('usage', {
      op: 'localise',
      expected: '--granularity: the critic lies outside of the run that trained it',
      got: 'none',
    });
  }
  return { granularity, intervalTokens: options.intervalTokens ?? trained?.interval_tokens ?? INTERVAL_TOKENS };
}
