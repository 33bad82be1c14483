/** A question with its gold answer, and an expert chain of thought where there is one. */
export interface Example {
  readonly id: string;
  /** The user's text. */
  readonly prompt: string;
  /** The expert's completion in the canonical form, without an end token. */
  readonly target?: string;
  /** The gold answer. */
  readonly answer: string;
}

/** The canonical form of an expert's completion, which prompts ask for and checkers read. */
export function canonicalTarget(reasoning: string, answer: string): string {
  return `<think>\n${reasoning}\n</think>\n<answer>\n${answer}\n</answer>`;
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
