import { extractHashAnswer } from '../verify/extract.ts';
import { parseNumber } from '../verify/number.ts';
import { canonicalTarget, type Example } from './example.ts';
import { parseJsonl, requiredText, rowError } from './parse-jsonl.ts';

/** The instruction that stands before every question, short because small models have short contexts. */
const THINK_THEN_ANSWER = 'Think first, then answer, inside <think> </think> <answer> </answer>.';

/**
 * The rows of GSM8K in the published format `{question, answer}`, where `answer` holds the solution's
 * lines with calculator marks `<<48/2=24>>` and a last line `#### 72`. The target is the solution in
 * the canonical form, without the marks; the gold answer is the number without thousands commas.
 *
 * @param lines the file's lines
 * @param file the name for error messages and ids
 */
export function loadGsm8k(lines: Iterable<string>, file: string, instruction = THINK_THEN_ANSWER): Example[] {
  const examples: Example[] = [];
  for (const row of parseJsonl(lines, file)) {
    const question = requiredText(row, 'question', file).trim();
    const solution = requiredText(row, 'answer', file);
    const final = extractHashAnswer(solution);
    if (final === null || parseNumber(final) === undefined) {
      throw rowError(file, row.line, 'a last line "#### number" in "answer"', JSON.stringify(solution.slice(-40)));
    }
    const answer = final.replaceAll(',', '');
    const reasoning = removeCalculatorMarks(solution.slice(0, solution.lastIndexOf('####'))).trim();
    if (reasoning === '') throw rowError(file, row.line, 'a solution before "####"', 'none');
    examples.push({
      id: `${file}:${row.line}`,
      prompt: instruction === '' ? question : `${instruction}\n\n${question}`,
      target: canonicalTarget(reasoning, answer),
      answer,
    });
  }
  return examples;
}

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
