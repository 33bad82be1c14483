import { type DataRow, fieldOf, optionalTexts, requiredText, rowError } from './data-row.ts';

/** A solution in steps, with the first wrong one marked (ProcessBench). */
export interface ProcessRow {
  readonly id: string;
  readonly problem: string;
  readonly steps: readonly string[];
  /** The first wrong step, 0-based; null where all are right. */
  readonly firstError: number | null;
  readonly isAnswerCorrect: boolean;
  /** The model that wrote the solution. */
  readonly generator?: string;
}

/** What stands between steps where a solution is read as one text. */
const STEP_BREAK = '\n\n';

/**
 * A row `{problem, steps, label, final_answer_correct, id?, generator?}` of ProcessBench; label -1 means
 * that no step is wrong.
 */
export function processRow(row: DataRow): ProcessRow {
  const steps = optionalTexts(row, 'steps');
  if (steps === undefined) throw rowError(row, 'steps in "steps"', 'none');
  const label = Number(fieldOf(row, 'label'));
  if (!Number.isInteger(label) || label < -1 || label >= steps.length) {
    throw rowError(row, `a label of -1 to ${steps.length - 1}`, String(fieldOf(row, 'label')));
  }
  const isAnswerCorrect = fieldOf(row, 'final_answer_correct');
  if (typeof isAnswerCorrect !== 'boolean') {
    throw rowError(row, 'true or false in "final_answer_correct"', typeof isAnswerCorrect);
  }
  const generator = fieldOf(row, 'generator');
  const id = fieldOf(row, 'id');
  return {
    id: typeof id === 'string' ? id : `${row.file}:${row.number}`,
    problem: requiredText(row, 'problem'),
    steps,
    firstError: label < 0 ? null : label,
    isAnswerCorrect,
    ...(typeof generator === 'string' ? { generator } : {}),
  };
}

/** The solution as one text, and where each step ends in it (past its break), in UTF-16 units. */
export function solutionText({ steps }: Pick<ProcessRow, 'steps'>): { readonly text: string; readonly ends: number[] } {
  const ends: number[] = [];
  let text = '';
  steps.forEach((step, i) => {
    text += i < steps.length - 1 ? step + STEP_BREAK : step;
    ends.push(text.length);
  });
  return { text, ends };
}
