import type { Draws } from '../data/draws.ts';
import { canonicalTarget, parseCanonicalTarget } from '../data/example.ts';
import { TEXT_EDITS, type TextEdit, type TextEditName } from './text-edits.ts';

const MAX_TRIES = 20;

/** A corrupted expert text and the edits that made it, in order. */
export interface CorruptedTarget {
  readonly text: string;
  readonly functions: readonly TextEditName[];
}

/**
 * An expert's completion made wrong: a size is drawn from 1..m, then so many of the m edits without
 * replacement, applied in that order, all drawn anew for each trace. Drawn again until the text
 * differs; undefined where the text is not in the canonical form or no edit finds anything to do.
 */
export function corruptTarget(
  target: string,
  names: readonly TextEditName[],
  draws: Draws,
): CorruptedTarget | undefined {
  const source = parseCanonicalTarget(target);
  if (source === undefined) return undefined;
  for (let i = 0; i < MAX_TRIES; i++) {
    let { reasoning, answer } = source;
    const functions: TextEditName[] = [];
    for (const index of draws.distinct(names.length, 1 + draws.integer(names.length))) {
      const name = names[index] as TextEditName;
      const { region, edit }: TextEdit = TEXT_EDITS[name];
      const edited = edit({ reasoning, answer }, draws);
      if (edited === (region === 'answer' ? answer : reasoning)) continue;
      functions.push(name);
      if (region === 'answer') answer = edited;
      else reasoning = edited;
    }
    // Two edits may undo each other, so the text itself is compared.
    const text = canonicalTarget(reasoning, answer);
    if (text !== target) return { text, functions };
  }
  return undefined;
}
