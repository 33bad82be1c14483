import { describe, expect, it } from 'vitest';
import { checkLengths } from '../../src/data/check-lengths.ts';

const rows = Array.from({ length: 100 }, (_, i) => ({ id: `r${i}`, promptTokens: i + 1, completionTokens: 10 }));

describe('checkLengths', () => {
  it('keeps everything within the limits', () => {
    const report = checkLengths(rows, { maxPromptTokens: 100, maxCompletionTokens: 10 });
    expect([report.kept.size, report.dropped]).toEqual([100, 0]);
  });

  it('tells counts, percentiles and the key that changes the limit', () => {
    expect(() => checkLengths(rows, { maxPromptTokens: 90, maxCompletionTokens: 10 })).toThrow(
      /10 of 100 rows over data\.max_prompt_tokens=90 \(p50 50, p95 95, p99 99, max 100\) \(first: r90\)/,
    );
    expect(() => checkLengths(rows, { maxPromptTokens: 90, maxCompletionTokens: 9 })).toThrow(
      /100 of 100 rows over data\.max_completion_tokens=9 .*Hint: .*no row is left/,
    );
  });

  it('drops whole rows when told so, and counts them', () => {
    const report = checkLengths(rows, { maxPromptTokens: 90, maxCompletionTokens: 10 }, 'drop');
    expect([report.kept.size, report.dropped]).toEqual([90, 10]);
    expect(report.kept.has('r90')).toBe(false);
  });

  it('is an error when dropping would leave no row', () => {
    expect(() => checkLengths(rows, { maxPromptTokens: 0, maxCompletionTokens: 10 }, 'drop')).toThrow(/no row is left/);
  });
});
