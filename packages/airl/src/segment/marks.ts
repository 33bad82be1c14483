import { ToolError } from '@dawngrad/tensor';
import { type StepRule, splitSteps } from './step-splitter.ts';

/** Which completion tokens the critic is read at (r-airl.md, section 3.4). */
export const GRANULARITIES = ['sparse', 'step', 'interval', 'dense'] as const;
export type Granularity = (typeof GRANULARITIES)[number];

/** The interval length n of the published runs. */
const DEFAULT_INTERVAL_TOKENS = 15;

export interface MarkOptions {
  /** Tokens from one interval mark to the next (granularity `interval`), at least 1. Default 15. */
  readonly intervalTokens?: number;
  /** Where steps end (granularity `step`). Default: the rule for natural-language text. */
  readonly stepRule?: StepRule;
}

/** The tokens [start, end] that one critic value stands for; both ends belong to it. */
export interface Segment {
  readonly start: number;
  readonly end: number;
}

/**
 * The marked token indices of a completion, ascending; the last token is always marked. The
 * completion is the only input, so that scoring and training cannot disagree by the prompt (D4).
 *
 * @param pieces the decoded text of each completion token, T >= 1
 */
export function marksOf(granularity: Granularity, pieces: readonly string[], options: MarkOptions = {}): Uint32Array {
  const length = pieces.length;
  if (length === 0) {
    throw new ToolError('failed', { op: 'marksOf', expected: 'a completion of at least one token', got: 'none' });
  }
  switch (granularity) {
    case 'sparse':
      return Uint32Array.of(length - 1);
    case 'dense':
      return Uint32Array.from({ length }, (_, t) => t);
    case 'interval':
      return intervalMarks(length, options.intervalTokens ?? DEFAULT_INTERVAL_TOKENS);
    case 'step':
      return Uint32Array.from((options.stepRule ?? splitSteps)(pieces));
  }
}

/**
 * The same of a completion's text and its tokens' places in it: marks depend on nothing else.
 *
 * @param offsets where the text of each token starts, and the text's length as last entry: T + 1 numbers,
 * as `Tokenizer.charOffsets` gives them
 */
export function marksOfText(
  granularity: Granularity,
  text: string,
  offsets: ArrayLike<number>,
  options: MarkOptions = {},
): Uint32Array {
  const count = offsets.length - 1;
  const pieces = Array.from({ length: Math.max(0, count) }, (_, t) => {
    const [start, end] = [offsets[t] as number, offsets[t + 1] as number];
    if (end < start || (t === 0 && start !== 0)) {
      throw new ToolError('failed', {
        op: 'marksOfText',
        expected: 'ascending offsets from 0',
        got: `${start}, ${end}`,
      });
    }
    return text.slice(start, end);
  });
  if (count > 0 && offsets[count] !== text.length) {
    throw new ToolError('failed', {
      op: 'marksOfText',
      expected: `offsets up to the text's length ${text.length}`,
      got: String(offsets[count]),
    });
  }
  return marksOf(granularity, pieces, options);
}

function intervalMarks(length: number, intervalTokens: number): Uint32Array {
  if (!Number.isInteger(intervalTokens) || intervalTokens < 1) {
    throw new ToolError('config', {
      op: 'reward.interval_tokens',
      expected: 'a whole number of at least 1',
      got: String(intervalTokens),
    });
  }
  const marks: number[] = [];
  for (let t = intervalTokens - 1; t < length - 1; t += intervalTokens) marks.push(t);
  return Uint32Array.from([...marks, length - 1]);
}

/** The stretches between marks: segment k ends at mark k and starts after the mark before it. */
export function segmentsOf(marks: ArrayLike<number>): Segment[] {
  return Array.from(marks, (end, k) => ({ start: k === 0 ? 0 : (marks[k - 1] as number) + 1, end }));
}

/**
 * One value for each of T tokens: that of the next mark at or after the token (plateaus).
 *
 * @param markValues one value a mark
 * @param marks ascending; the last one is T - 1
 */
export function backfill(markValues: ArrayLike<number>, marks: ArrayLike<number>): Float32Array {
  const length = marks.length === 0 ? 0 : (marks[marks.length - 1] as number) + 1;
  const values = new Float32Array(length);
  segmentsOf(marks).forEach(({ start, end }, k) => {
    values.fill(markValues[k] as number, start, end + 1);
  });
  return values;
}
