import { type DataRow, fieldOf, optionalText, optionalTexts, requiredText, rowError } from './data-row.ts';
import type { Dataset, ExampleOfRow } from './dataset.ts';
import { canonicalTarget, findTargetParts } from './example.ts';

/**
 * The user's own rows `{prompt, answer, target?, id?}`. `prompt` is the user's text, or a list of messages
 * of an optional system message and one user message. A `target` (or `completion`) with think and answer
 * blocks is brought into the canonical form; any other is left as it is, and critics refuse it.
 */
export const genericRows: Dataset = {
  fields: '{prompt: text or messages, answer, target?, id?, category?, corrupted_targets?}',
  checker: 'numeric',
  toExample(row) {
    const target = optionalText(row, 'target') ?? optionalText(row, 'completion');
    const corrupted = optionalTexts(row, 'corrupted_targets');
    const category = optionalText(row, 'category');
    const id = optionalText(row, 'id');
    return {
      ...promptOf(row),
      answer: requiredText(row, 'answer'),
      ...(id === undefined ? {} : { id }),
      ...(target === undefined ? {} : { target: canonical(target) }),
      ...(category === undefined ? {} : { category }),
      ...(corrupted === undefined ? {} : { corruptedTargets: corrupted.map(canonical) }),
    };
  },
};

function canonical(text: string): string {
  const parts = findTargetParts(text);
  return typeof parts === 'string' ? text : canonicalTarget(parts.reasoning, parts.answer);
}

function promptOf(row: DataRow): Pick<ExampleOfRow, 'prompt' | 'system'> {
  const prompt = fieldOf(row, 'prompt');
  if (!Array.isArray(prompt)) return { prompt: requiredText(row, 'prompt') };
  const messages = prompt as readonly ({ readonly role?: unknown; readonly content?: unknown } | null)[];
  const [first, last] = [messages[0], messages.at(-1)];
  const system = messages.length === 2 && first?.role === 'system' ? first.content : undefined;
  const isPair = messages.length === 1 || typeof system === 'string';
  if (!isPair || last?.role !== 'user' || typeof last.content !== 'string' || last.content.trim() === '') {
    const roles = messages.map((message) => String(message?.role)).join(', ');
    throw rowError(
      row,
      'a system message at most and then one user message in "prompt"',
      roles === '' ? 'none' : roles,
    );
  }
  return { prompt: last.content, ...(typeof system === 'string' && system.trim() !== '' ? { system } : {}) };
}
