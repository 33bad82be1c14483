import { isText, isUndefined, type JinjaValue, jinjaText } from './jinja.ts';
import type { WorkBudget } from './work-budget.ts';

/**
 * Calls the methods that the library gets wrong or that could fill the memory; undefined for all others.
 *
 * `strip`, `lstrip` and `rstrip` take the characters to strip (the library ignores them, and Qwen3's template strips
 * newlines alone). `replace` is the one method whose result can be far larger than what it is called with.
 */
export function callMethod(
  object: JinjaValue,
  name: string,
  args: readonly JinjaValue[],
  budget: WorkBudget,
): JinjaValue | undefined {
  if (!isText(object)) return undefined;
  const text = object.value;
  budget.spend(text.length / 16);
  const part = args[0];
  if (part !== undefined && isText(part)) budget.search(text, part.value);
  switch (name) {
    case 'strip':
    case 'lstrip':
    case 'rstrip':
      return jinjaText(strip(text, name, args[0]));
    case 'replace':
      checkReplace(text, args, budget);
  }
  return undefined;
}

/** Throws where replacing would make a text that is too long. */
export function checkReplace(text: string, args: readonly JinjaValue[], budget: WorkBudget): void {
  const [before, after] = args;
  if (before === undefined || after === undefined || !isText(before) || !isText(after)) return;
  budget.search(text, before.value);
  const count = before.value === '' ? text.length + 1 : text.split(before.value).length - 1;
  budget.checkSize(text.length + count * after.value.length);
}

/** Python's strip: white space or, where they are given, any of these characters. */
export function strip(text: string, which: 'strip' | 'lstrip' | 'rstrip', characters: JinjaValue | undefined): string {
  const isGiven = characters !== undefined && !isUndefined(characters) && characters.type !== 'NullValue';
  if (isGiven && !isText(characters)) throw new Error(`${which} takes text`);
  const given = isGiven && isText(characters) ? new Set(characters.value) : undefined;
  const isCut = (char: string): boolean => given?.has(char) ?? isSpace(char);
  const chars = [...text];
  let start = 0;
  let end = chars.length;
  if (which !== 'rstrip') while (start < end && isCut(chars[start]!)) start++;
  if (which !== 'lstrip') while (end > start && isCut(chars[end - 1]!)) end--;
  return chars.slice(start, end).join('');
}

/** What `str.isspace` holds for: unlike JavaScript's white space without U+FEFF, and with U+001C to U+001F and U+0085. */
function isSpace(char: string): boolean {
  const code = char.charCodeAt(0);
  return (code >= 0x1c && code <= 0x1f) || code === 0x85 || (code !== 0xfeff && /\s/u.test(char));
}
