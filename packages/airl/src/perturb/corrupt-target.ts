import type { Draws } from '../data/draws.ts';
import { canonicalTarget, type Example, parseCanonicalTarget, type TargetParts } from '../data/example.ts';
import { applyReplacements, type TextEdit } from './text-edit.ts';
import { TEXT_EDITS, type TextEditName } from './text-edits.ts';

const MAX_TRIES = 20;

/** A wrong trace that came with the row, taken as it is. */
const STORED_TRACE = 'stored_trace';

/** The ways to make a negative of an expert: the edits, and the wrong traces that came with the rows. */
export type CorruptionName = TextEditName | typeof STORED_TRACE;
export const CORRUPTIONS: readonly CorruptionName[] = [...(Object.keys(TEXT_EDITS) as TextEditName[]), STORED_TRACE];

/** A corrupted expert text and the edits that made it, in order. */
export interface CorruptedTarget {
  readonly text: string;
  readonly functions: readonly CorruptionName[];
}

/**
 * An expert's completion made wrong: a size is drawn from 1..m, then so many of the m ways without
 * replacement, the edits applied in that order, all drawn anew for each trace; a stored trace stands alone.
 * The text is drawn again until it differs and still has its two parts; undefined where it is not in the
 * canonical form or nothing finds anything to do.
 */
export function corruptTarget(
  { target, corruptedTargets = [] }: Pick<Example, 'target' | 'corruptedTargets'>,
  names: readonly CorruptionName[],
  draws: Draws,
): CorruptedTarget | undefined {
  const ways = corruptedTargets.length > 0 ? names : names.filter((name) => name !== STORED_TRACE);
  const source = target === undefined ? undefined : parseCanonicalTarget(target);
  for (let i = 0; i < MAX_TRIES && ways.length > 0; i++) {
    const drawn = draws.distinct(ways.length, 1 + draws.integer(ways.length)).map((index) => ways[index]!);
    if (drawn.includes(STORED_TRACE)) return { text: draws.pick(corruptedTargets), functions: [STORED_TRACE] };
    if (source === undefined) continue;
    const { parts, functions } = applyEdits(source, drawn as TextEditName[], draws);
    const text = canonicalTarget(parts.reasoning, parts.answer);
    // Two edits may undo each other, and an edit may touch what looks like a tag: the text itself is compared.
    const read = parseCanonicalTarget(text);
    const isWhole = read?.reasoning === parts.reasoning && read.answer === parts.answer;
    if (text !== target && isWhole) return { text, functions };
  }
  return undefined;
}

function applyEdits(
  source: TargetParts,
  names: readonly TextEditName[],
  draws: Draws,
): { readonly parts: TargetParts; readonly functions: readonly TextEditName[] } {
  let parts = source;
  const functions: TextEditName[] = [];
  for (const name of names) {
    const { region, edit }: TextEdit = TEXT_EDITS[name];
    const edited = applyReplacements(parts[region], edit(parts, draws));
    if (edited === parts[region]) continue;
    functions.push(name);
    parts = { ...parts, [region]: edited };
  }
  return { parts, functions };
}

/** How often each way was used, over records or corrupted targets. */
export function countCorruptions(made: Iterable<{ readonly functions: readonly string[] }>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { functions } of made) for (const name of functions) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
