import { ToolError } from '@dawngrad/tensor';

/** The most tokens that a row may have; a completion counts its end token. */
export interface LengthLimits {
  readonly maxPromptTokens: number;
  readonly maxCompletionTokens: number;
}

/** What becomes of rows over the limits. Rows are never cut. */
export type OverlongPolicy = 'error' | 'drop';

/** A row with its token counts. */
export interface RowLengths {
  readonly id: string;
  readonly promptTokens: number;
  /** 0 for a row without a target. */
  readonly completionTokens: number;
}

export interface LengthReport {
  /** The ids of the rows within both limits. */
  readonly kept: ReadonlySet<string>;
  readonly dropped: number;
}

/**
 * Checks token counts against the limits. Rows over a limit are an error that tells how many there are,
 * how the lengths are spread and which key changes the limit; under `drop` they are left out and counted.
 */
export function checkLengths(
  rows: readonly RowLengths[],
  limits: LengthLimits,
  overlong: OverlongPolicy = 'error',
): LengthReport {
  const long = rows.filter(
    (row) => row.promptTokens > limits.maxPromptTokens || row.completionTokens > limits.maxCompletionTokens,
  );
  const kept = new Set(rows.map(({ id }) => id));
  for (const { id } of long) kept.delete(id);
  if (long.length > 0 && (overlong === 'error' || kept.size === 0)) {
    const faults = [
      describe(
        'data.max_prompt_tokens',
        rows.map((row) => row.promptTokens),
        limits.maxPromptTokens,
      ),
      describe(
        'data.max_completion_tokens',
        rows.map((row) => row.completionTokens),
        limits.maxCompletionTokens,
      ),
    ].filter((fault) => fault !== undefined);
    throw new ToolError('config', {
      op: 'data lengths',
      expected: 'rows within the token limits',
      got: `${faults.join('; ')} (first: ${long[0]?.id})`,
      hint:
        kept.size === 0
          ? 'Raise the key named: no row is left.'
          : 'Raise the key named, or leave such rows out with data.overlong=drop. Rows are never cut.',
    });
  }
  return { kept, dropped: long.length };
}

function describe(key: string, lengths: readonly number[], limit: number): string | undefined {
  const over = lengths.filter((length) => length > limit).length;
  if (over === 0) return undefined;
  const sorted = lengths.toSorted((a, b) => a - b);
  const at = (p: number): number => sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] as number;
  const spread = `p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, max ${at(1)}`;
  return `${over} of ${lengths.length} rows over ${key}=${limit} (${spread})`;
}
