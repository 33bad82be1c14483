import type { ChoiceOptions } from '../verify/verdict.ts';

/** A question with its gold answer, and an expert chain of thought where there is one. */
export interface Example {
  readonly id: string;
  /** The instruction that goes before the question, as a system message where the chat template has such. */
  readonly system?: string;
  /** The user's text: the problem, without the instruction. Splits are cut by it. */
  readonly prompt: string;
  /** The expert's completion in the canonical form, without an end token. */
  readonly target?: string;
  /** The gold answer. */
  readonly answer: string;
  /** The texts of a multiple-choice question's options by letter. */
  readonly options?: ChoiceOptions;
  /** The part of the data set that a row belongs to, for results by category. */
  readonly category?: string;
  /** Wrong completions that came with the row, in the canonical form: negatives for the critic. */
  readonly corruptedTargets?: readonly string[];
  /** The target was made wrong on purpose (`corruptExperts`). */
  readonly isExpertError?: boolean;
}

/** The canonical form of an expert's completion, which prompts ask for and checkers read. */
export function canonicalTarget(reasoning: string, answer: string): string {
  return `<think>\n${reasoning}\n</think>\n<answer>\n${answer}\n</answer>`;
}

/** The user's text with the instruction in front, for templates without a system message. */
export function foldedPrompt({ system, prompt }: Pick<Example, 'system' | 'prompt'>): string {
  return system === undefined ? prompt : `${system}\n\n${prompt}`;
}

export interface TargetParts {
  readonly reasoning: string;
  readonly answer: string;
}

/** The parts of a text in the canonical form, or undefined for any other text. */
export function parseCanonicalTarget(text: string): TargetParts | undefined {
  const open = '<think>\n';
  const middle = '\n</think>\n<answer>\n';
  const close = '\n</answer>';
  const cut = text.indexOf(middle);
  if (!text.startsWith(open) || !text.endsWith(close) || cut < open.length) return undefined;
  const start = cut + middle.length;
  if (start > text.length - close.length) return undefined;
  return { reasoning: text.slice(open.length, cut), answer: text.slice(start, text.length - close.length) };
}

/**
 * The parts of a text with one think block and one answer block behind it, however they are spaced; or
 * what is missing, in words.
 */
export function findTargetParts(text: string): TargetParts | string {
  const open = text.indexOf('<think>');
  const close = text.indexOf('</think>');
  if (open < 0 || close < open) return 'no <think>...</think> block';
  const reasoning = text.slice(open + '<think>'.length, close).trim();
  if (reasoning === '') return 'an empty <think> block';
  const rest = text.slice(close + '</think>'.length);
  const start = rest.indexOf('<answer>');
  const end = rest.indexOf('</answer>', start);
  if (start < 0 || end < 0) return 'no <answer>...</answer> block behind the reasoning';
  const answer = rest.slice(start + '<answer>'.length, end).trim();
  return answer === '' ? 'an empty <answer> block' : { reasoning, answer };
}
