import { ToolError } from '@dawngrad/tensor';

/** A clinician's label of one case, as in the reference's annotation files. */
export interface Annotation {
  readonly expertId: string;
  readonly caseId: string;
  /** Number of the first wrong unit as the case counts them; null where none was chosen. */
  readonly selectedStepId: number | null;
  readonly hasNoClearError: boolean;
  /** Marked so, or said in the note. */
  readonly isFinalAnswerOnly: boolean;
}

/** Notes are matched up to here. */
const MOST_NOTE_CHARACTERS = 2000;

const FINAL = /\bfinal answer\b/i;
const ANSWER = /\b(?:answer|option|letter)\b/i;
const REASONING = /\b(?:reasoning|rationale)\b/i;
const RIGHT = /\b(?:correct|right)\b/i;
const WRONG = /\b(?:wrong|incorrect)\b/i;
const FAULT = /\b(?:wrong|incorrect|error|problem)\b/i;

/** What a note says of an error in the answer alone: these words in this order. */
const ANSWER_ONLY: readonly (readonly RegExp[])[] = [
  [FINAL, FAULT],
  [ANSWER, WRONG, REASONING, RIGHT],
  [REASONING, RIGHT, ANSWER, WRONG],
  [/\bonly\b/i, ANSWER, /\b(?:wrong|incorrect|error)\b/i],
  [/\bcontains?\b/i, /\b(?:correct|right) answer\b/i, /\bselected answer is wrong\b/i],
  [/\bknows? the answer\b/i, /\bselects?\b/i, /\bwrong option\b/i],
];

/** True where a note says that only the final answer is wrong. */
export function saysAnswerOnly(note: string): boolean {
  const text = note.slice(0, MOST_NOTE_CHARACTERS);
  return ANSWER_ONLY.some((words) => followEachOther(text, words));
}

/** A row of an `expert_*.jsonl` file. Throws ToolError 'config' with the place where it is none. */
export function parseAnnotation(row: Readonly<Record<string, unknown>>, place: string, file: string): Annotation {
  const { case_id: caseId, expert_id: expertId, note = '', selected_step_id: selected } = row;
  const fault = (expected: string, got: unknown): never => {
    throw new ToolError('config', { op: place, expected, got: JSON.stringify(got) ?? 'nothing' });
  };
  if (typeof caseId !== 'string' || caseId.trim() === '') return fault('a text in "case_id"', caseId);
  if (note !== null && typeof note !== 'string') return fault('a text in "note"', note);
  const isStep = selected === null || selected === undefined || Number.isInteger(Number(selected));
  if (!isStep || typeof selected === 'boolean') return fault('a whole number or null in "selected_step_id"', selected);
  return {
    expertId: typeof expertId === 'string' ? expertId : file,
    caseId: caseId.trim(),
    selectedStepId: selected === null || selected === undefined || selected === '' ? null : Number(selected),
    hasNoClearError: isYes(row.no_clear_localisable_error),
    isFinalAnswerOnly: isYes(row.final_answer_only_error) || saysAnswerOnly(note ?? ''),
  };
}

function isYes(value: unknown): boolean {
  return value === true || value === 1 || ['1', 'true', 'yes', 'y', 'x'].includes(String(value).trim().toLowerCase());
}

/** Whether each word is found behind the one before it; one pass, however long the text. */
function followEachOther(text: string, words: readonly RegExp[]): boolean {
  let rest = text;
  for (const word of words) {
    const found = word.exec(rest);
    if (found === null) return false;
    rest = rest.slice(found.index + found[0].length);
  }
  return true;
}
