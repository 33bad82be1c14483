import { extractBoxed, extractHashAnswer } from '../verify/extract.ts';
import { parseNumber } from '../verify/number.ts';
import { requiredText, rowError } from './data-row.ts';
import type { Dataset } from './dataset.ts';
import { canonicalTarget } from './example.ts';
import { THINK_THEN_ANSWER } from './instructions.ts';

/**
 * GSM8K as published: `answer` holds the solution's lines with calculator marks `<<48/2=24>>` and a last
 * line `#### 72`. The target is the solution in the canonical form, without the marks; the gold answer is
 * the number without thousands commas.
 */
export const gsm8k: Dataset = {
  fields: '{question, answer: solution with a last line "#### number"}',
  system: THINK_THEN_ANSWER,
  checker: 'numeric',
  source: {
    repo: 'openai/gsm8k',
    files: { train: ['main/train-00000-of-00001.parquet'], test: ['main/test-00000-of-00001.parquet'] },
  },
  toExample(row) {
    const question = requiredText(row, 'question').trim();
    const solution = requiredText(row, 'answer');
    const final = extractHashAnswer(solution);
    if (final === null || parseNumber(final) === undefined) {
      throw rowError(row, 'a last line "#### number" in "answer"', JSON.stringify(solution.slice(-40)));
    }
    const answer = final.replaceAll(',', '');
    const reasoning = removeCalculatorMarks(solution.slice(0, solution.lastIndexOf('####'))).trim();
    if (reasoning === '') throw rowError(row, 'a solution before "####"', 'none');
    return { prompt: question, target: canonicalTarget(reasoning, answer), answer };
  },
};

/** GSM8K with distilled traces: `answer` holds a think block and the number as `\boxed{...}`. */
export const gsm8kDistilled: Dataset = {
  fields: '{question, answer: <think>...</think> and \\boxed{number}}',
  system: THINK_THEN_ANSWER,
  checker: 'numeric',
  toExample(row) {
    const text = requiredText(row, 'answer');
    const close = text.indexOf('</think>');
    const open = text.indexOf('<think>');
    const reasoning = close < 0 ? '' : text.slice(open < 0 ? 0 : open + '<think>'.length, close).trim();
    if (reasoning === '') throw rowError(row, 'a <think> block in "answer"', close < 0 ? 'none' : 'an empty one');
    const boxed = extractBoxed(text.slice(close));
    if (boxed === null || parseNumber(boxed) === undefined) {
      throw rowError(row, '\\boxed{number} behind the think block in "answer"', boxed ?? 'no box');
    }
    const answer = boxed.replaceAll(',', '');
    return { prompt: requiredText(row, 'question').trim(), target: canonicalTarget(reasoning, answer), answer };
  },
};

/** The text without its `<<...>>` marks; an opening `<<` that never closes stays. */
export function removeCalculatorMarks(text: string): string {
  let kept = '';
  let from = 0;
  for (;;) {
    const open = text.indexOf('<<', from);
    const close = open < 0 ? -1 : text.indexOf('>>', open + 2);
    if (close < 0) return kept + text.slice(from);
    kept += text.slice(from, open);
    from = close + 2;
  }
}
