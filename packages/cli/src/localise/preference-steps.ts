import type { DataRow, ProcessRow } from '@dawngrad/airl';
import { isJsonObject, type JsonObject } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';

/**
 * A row in the style of PRM800K: `{question: {problem}, label: {steps: [{completions: [{text, rating}],
 * chosen_completion, human_completion}], finish_reason}}`, or the flat `{problem, steps, ratings}`. A
 * rating of -1 marks a wrong step; the trace goes up to the first one. Undefined for a solution that
 * was given up, or that has no rated step. Throws ToolError 'config' for any other row.
 */
export function preferenceSteps(row: DataRow): ProcessRow | undefined {
  const { fields } = row;
  const rated = fields.label === undefined ? flatSteps(row) : labelledSteps(row);
  if (rated === undefined || rated.steps.length === 0) return undefined;
  const firstWrong = rated.steps.findIndex(({ rating }) => rating === -1);
  // Without a wrong step the trace is right only if every step was looked at.
  if (firstWrong < 0 && rated.steps.some(({ rating }) => rating === null)) return undefined;
  const steps = firstWrong < 0 ? rated.steps : rated.steps.slice(0, firstWrong + 1);
  return {
    id: typeof fields.id === 'string' ? fields.id : `${row.file}:${row.number}`,
    problem: rated.problem,
    steps: steps.map(({ text }) => text),
    firstError: firstWrong < 0 ? null : firstWrong,
    isAnswerCorrect: firstWrong < 0,
    ...(typeof fields.generator === 'string' ? { generator: fields.generator } : {}),
  };
}

interface RatedSolution {
  readonly problem: string;
  readonly steps: readonly { readonly text: string; readonly rating: number | null }[];
}

function flatSteps(row: DataRow): RatedSolution {
  const { problem, steps, ratings } = row.fields;
  if (typeof problem !== 'string') throw fault(row, 'a text in "problem"', problem);
  if (!isTexts(steps)) throw fault(row, 'a list of texts in "steps"', steps);
  if (!Array.isArray(ratings) || ratings.length !== steps.length || !ratings.every(isRating)) {
    throw fault(row, `${steps.length} ratings of -1, 0, 1 or null in "ratings"`, ratings);
  }
  return { problem, steps: steps.map((text, i) => ({ text, rating: ratings[i] as number | null })) };
}

function labelledSteps(row: DataRow): RatedSolution | undefined {
  const { question, label } = row.fields;
  const problem = isJsonObject(question) ? question.problem : undefined;
  if (typeof problem !== 'string') throw fault(row, 'a text in "question.problem"', question);
  if (!isJsonObject(label) || !Array.isArray(label.steps)) throw fault(row, 'a list in "label.steps"', label);
  if (label.finish_reason === 'give_up' || label.finish_reason === 'bad_problem') return undefined;
  return { problem, steps: label.steps.map((step, i) => chosenStep(row, step, i)) };
}

/** The completion that the trace went on with: the chosen one, else the labeller's own, else the first. */
function chosenStep(row: DataRow, step: unknown, index: number): { text: string; rating: number | null } {
  const place = `label.steps[${index}]`;
  if (!isJsonObject(step) || !Array.isArray(step.completions)) throw fault(row, `"completions" in ${place}`, step);
  const chosen = step.chosen_completion;
  const human = step.human_completion;
  const own = isJsonObject(human)
    ? { ...human, rating: 1 }
    : typeof human === 'string'
      ? { text: human, rating: 1 }
      : undefined;
  const found: unknown = Number.isInteger(chosen) ? step.completions[chosen as number] : (own ?? step.completions[0]);
  const { text, rating = null } = (isJsonObject(found) ? found : {}) as JsonObject;
  if (typeof text !== 'string' || text.trim() === '') throw fault(row, `a text of ${place}`, found);
  if (!isRating(rating)) throw fault(row, `a rating of -1, 0, 1 or null in ${place}`, rating);
  return { text, rating };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item.trim() !== '');
}

function isRating(value: unknown): value is number | null {
  return value === null || value === -1 || value === 0 || value === 1;
}

function fault(row: DataRow, expected: string, got: unknown): ToolError {
  const text = JSON.stringify(got) ?? 'nothing';
  return new ToolError('config', {
    op: `${row.file}:${row.number}`,
    expected,
    got: text.length > 60 ? `${text.slice(0, 60)}...` : text,
  });
}
