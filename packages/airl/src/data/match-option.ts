import { unwrap } from '../verify/unwrap.ts';
import type { ChoiceOptions } from '../verify/verdict.ts';

const MIN_RATIO = 0.9;
const MIN_LEAD = 0.05;
/** Longer texts are not compared letter by letter: the work is the product of the lengths. */
const MAX_FUZZY_CHARS = 400;

/**
 * The letter of the option that an answer names, or undefined: by the option's exact text, its text
 * without case and spacing, its letter (alone or before the text), the only option that the answer
 * contains or is contained in, or likeness of at least 0.90 with a lead of 0.05 (r-airl.md, section 6).
 */
export function matchOption(answer: string, options: ChoiceOptions): string | undefined {
  const entries = Object.entries(options);
  const only = (test: (text: string) => boolean): string | undefined => {
    const found = entries.filter(([, text]) => test(text));
    return found.length === 1 ? found[0]?.[0] : undefined;
  };
  const text = answer.trim();
  const exact = only((option) => option === text);
  if (exact !== undefined) return exact;
  const folded = fold(text);
  const same = only((option) => fold(option) === folded);
  if (same !== undefined) return same;
  const labelled = /^\(?([A-Za-z])\)?(?:\s?[.):]\s*(.*))?$/s.exec(text);
  const letter = labelled?.[1]?.toUpperCase();
  if (letter !== undefined && Object.hasOwn(options, letter)) {
    const body = fold(labelled?.[2] ?? '');
    // "A. <text of B>" names nothing.
    const other = entries.find(([, option]) => fold(option) === body);
    return other === undefined || other[0] === letter ? letter : undefined;
  }
  return only((option) => fold(option) !== '' && folded.includes(fold(option))) ?? alike(folded, entries);
}

function alike(text: string, entries: readonly (readonly [string, string])[]): string | undefined {
  const ranked = entries
    .map(([letter, option]) => ({ letter, ratio: likeness(text, fold(option)) }))
    .sort((a, b) => b.ratio - a.ratio);
  const [best, second] = ranked;
  if (best === undefined || best.ratio < MIN_RATIO) return undefined;
  return second === undefined || best.ratio - second.ratio >= MIN_LEAD ? best.letter : undefined;
}

/** Twice the longest common subsequence over the sum of the lengths. */
function likeness(a: string, b: string): number {
  if (a === '' || b === '' || a.length > MAX_FUZZY_CHARS || b.length > MAX_FUZZY_CHARS) return 0;
  let row = new Uint16Array(b.length + 1);
  for (let i = 0; i < a.length; i++) {
    const next = new Uint16Array(b.length + 1);
    for (let j = 0; j < b.length; j++) {
      next[j + 1] = a[i] === b[j] ? row[j]! + 1 : Math.max(row[j + 1]!, next[j]!);
    }
    row = next;
  }
  return (2 * row[b.length]!) / (a.length + b.length);
}

function fold(text: string): string {
  return unwrap(text).toLowerCase();
}
