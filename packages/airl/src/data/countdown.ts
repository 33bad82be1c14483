import { type DataRow, fieldOf, optionalText, requiredText, rowError } from './data-row.ts';
import type { Dataset } from './dataset.ts';
import { canonicalTarget } from './example.ts';
import { THINK_THEN_ANSWER } from './instructions.ts';

/**
 * Countdown: make a target of given numbers. The gold answer is `{"nums": [...], "target": n}`; `target`
 * holds the expert's chain of thought and `answer` the expert's expression.
 */
export const countdown: Dataset = {
  fields: '{question, reward_model: {nums, target}, target?: chain of thought, answer?: expression}',
  system: THINK_THEN_ANSWER,
  checker: 'countdown',
  toExample(row) {
    const prompt = requiredText(row, 'question').trim();
    const answer = goldOf(row);
    const reasoning = optionalText(row, 'target')?.trim();
    if (reasoning === undefined) return { prompt, answer };
    const expression = requiredText(row, 'answer').trim();
    // An answer of some lines is a second chain of thought; tags in it would break the canonical form.
    if (expression.includes('\n') || expression.includes('<')) {
      throw rowError(row, 'an expression in "answer"', JSON.stringify(expression.slice(0, 40)));
    }
    return { prompt, answer, target: canonicalTarget(reasoning, expression) };
  },
};

function goldOf(row: DataRow): string {
  const given = fieldOf(row, 'reward_model');
  const value = typeof given === 'string' ? parse(given) : given;
  const { nums, target } = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly nums?: unknown;
    readonly target?: unknown;
  };
  const numbers = ArrayBuffer.isView(nums) ? Array.from(nums as unknown as ArrayLike<number | bigint>) : nums;
  const isWhole = (one: unknown): boolean => typeof one === 'bigint' || Number.isSafeInteger(one);
  if (!Array.isArray(numbers) || numbers.length === 0 || !numbers.every(isWhole) || !isWhole(target)) {
    throw rowError(
      row,
      'whole numbers {nums, target} in "reward_model"',
      JSON.stringify(given)?.slice(0, 60) ?? 'nothing',
    );
  }
  return JSON.stringify({ nums: numbers.map(Number), target: Number(target) });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller's message says what was expected and shows the text.
    return undefined;
  }
}
