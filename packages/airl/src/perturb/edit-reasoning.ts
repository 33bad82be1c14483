import { ToolError } from '@dawngrad/tensor';
import type { Draws } from '../data/draws.ts';
import { applyReplacements, type TextEdit } from './text-edit.ts';
import { TEXT_EDITS, type TextEditName } from './text-edits.ts';

/** Times that an edit is drawn until it changes something. */
const MAX_TRIES = 8;

/** A completion with edits in its reasoning. */
export interface EditedReasoning {
  readonly text: string;
  /** The edits in order; `name(no_op)` where one found nothing to change. */
  readonly edits: readonly string[];
}

/**
 * A completion with `severity` edits, drawn with replacement, in its first think block; everything
 * else, the answer included, stays as it is (r-airl.md, section 7.5 a). Each edit is drawn anew until
 * the text is one that has not been, up to 8 times. Undefined for a text without a think block and an
 * answer block behind it.
 *
 * @param names edits of the reasoning; others are refused with ToolError 'config'
 */
export function editReasoning(
  text: string,
  names: readonly TextEditName[],
  severity: number,
  draws: Draws,
): EditedReasoning | undefined {
  for (const name of names) {
    const { region }: TextEdit = TEXT_EDITS[name];
    if (region !== 'reasoning') {
      throw new ToolError('config', { op: name, expected: 'an edit of the reasoning', got: `one of the ${region}` });
    }
  }
  const start = text.indexOf('<think>') + '<think>'.length;
  const end = text.indexOf('</think>', start);
  const answerStart = text.indexOf('<answer>', end) + '<answer>'.length;
  const answerEnd = text.indexOf('</answer>', answerStart);
  if (start < '<think>'.length || end < 0 || answerStart < '<answer>'.length || answerEnd < 0) return undefined;
  const answer = text.slice(answerStart, answerEnd).trim();
  let reasoning = text.slice(start, end);
  const seen = new Set([reasoning]);
  const edits: string[] = [];
  for (let i = 0; i < severity; i++) {
    const name = draws.pick(names);
    let next: string | undefined;
    for (let attempt = 0; attempt < MAX_TRIES && next === undefined; attempt++) {
      const edited = applyReplacements(reasoning, TEXT_EDITS[name].edit({ reasoning, answer }, draws));
      // An edit that undoes another would leave fewer than the severity says.
      if (!seen.has(edited)) next = edited;
    }
    edits.push(next === undefined ? `${name}(no_op)` : name);
    if (next === undefined) continue;
    reasoning = next;
    seen.add(next);
  }
  return { text: text.slice(0, start) + reasoning + text.slice(end), edits };
}
