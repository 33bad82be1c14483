import type { Draws } from '../data/draws.ts';
import type { TargetParts } from '../data/example.ts';

/** The part of a canonical target that an edit may touch; the other part stays as it is (D12). */
export type Region = 'reasoning' | 'answer';

/** A stretch of a region's text and what takes its place. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface TextEdit {
  readonly region: Region;
  /**
   * What to replace in the region's text, ascending and apart; empty where the edit finds nothing to do.
   * Text outside these stretches cannot change.
   */
  readonly edit: (parts: TargetParts, draws: Draws) => readonly Replacement[];
}

export function applyReplacements(text: string, replacements: readonly Replacement[]): string {
  let made = '';
  let from = 0;
  for (const { start, end, text: put } of replacements) {
    made += text.slice(from, start) + put;
    from = end;
  }
  return made + text.slice(from);
}
