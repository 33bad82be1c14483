import { basename, dirname } from 'node:path';
import { readLines } from '@dawngrad/airl/node';
import {
  answerSpan,
  collectRows,
  type EvalRow,
  type EvaluationFile,
  type EvaluationSummary,
  evaluateRows,
  type PolicyNumbers,
  passAt1ByPrompt,
  type ReportCompletions,
  selectScore,
} from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';
import { readEvaluation } from '../evaluation/evaluation-folder.ts';
import { completionsOfRows, findTokenizer } from './read-completions.ts';
import type { ReportSource } from './report-folder.ts';

/** Policies of a folder with their numbers and completions. */
export interface EvaluatedSource {
  readonly policies: readonly PolicyNumbers[];
  readonly completions: readonly ReportCompletions[];
  /** What was left out or is not known, a sentence each. */
  readonly notes: readonly string[];
  /** What was evaluated on which data; null where that is not known. */
  readonly data: string | null;
}

/** Reads the rows of an evaluation, and its numbers where it is done; those of one that still runs are made here. */
export async function evaluatedSource(
  source: ReportSource,
  files: readonly string[],
  models: readonly (string | null)[],
): Promise<EvaluatedSource> {
  const numbers = source.kind === 'run' ? readEvaluation(source.path) : undefined;
  const notes: string[] = [...(numbers?.notes ?? []).map((note) => `${source.name}: ${note}.`)];
  const policies: PolicyNumbers[] = [];
  const completions: ReportCompletions[] = [];
  const found = await findTokenizer([...models, numbers?.settings.policy ?? null]);
  for (const [i, file] of files.entries()) {
    const cell = numbers?.cells[i];
    const name = files.length === 1 ? source.name : `${source.name}, ${cell?.name ?? basename(file, '.jsonl')}`;
    const read = await rowsOf(file, cell === undefined);
    notes.push(...read.notes.map((note) => `${name}: ${note}`));
    if (read.rows.length === 0) {
      notes.push(`${name}: no whole prompt is there yet.`);
      continue;
    }
    const summary = cell?.summary ?? evaluateRows(read.rows);
    const critic = criticOf(summary, numbers);
    policies.push({
      name,
      summary,
      byPrompt: passAt1ByPrompt(read.rows),
      ...(critic === null ? {} : { critic }),
    });
    completions.push(completionsOfRows(name, read.rows, found, (row) => scoreOf(row, summary)));
  }
  return { policies, completions, notes, data: numbers?.settings.data ?? null };
}

/** Rows of a file; what a process that still writes, or was stopped, left unfinished is left out and told of. */
async function rowsOf(
  file: string,
  isUnfinished: boolean,
): Promise<{ rows: readonly EvalRow[]; notes: readonly string[] }> {
  try {
    const read = await collectRows(readLines(file), file, { tolerate: true });
    const { skipped, incompletePrompts, repeatedPrompts } = read;
    return {
      rows: read.rows,
      notes: [
        ...(skipped.length === 0
          ? []
          : [
              `${skipped.length} ${skipped.length === 1 ? 'line that cannot be read is' : 'lines that cannot be read are'} left out (line ${skipped[0]!.line}).`,
            ]),
        ...(incompletePrompts.length === 0
          ? []
          : [
              `${incompletePrompts.length} prompts without all of their samples are left out${isUnfinished ? ': the evaluation is not done' : ''}.`,
            ]),
        ...(repeatedPrompts.length === 0 ? [] : [`${repeatedPrompts.length} prompts occur more than once.`]),
      ],
    };
  } catch (error) {
    // Only the first rows of an evaluation that has just begun can be this few.
    if (isUnfinished && error instanceof ToolError && error.detail.expected === 'at least one completion row') {
      return { rows: [], notes: [] };
    }
    throw error;
  }
}

/** Whose scores the rows carry; without scores, the other ways to choose are still compared. */
function criticOf(
  { rewards, samplesPerPrompt }: EvaluationSummary,
  numbers: EvaluationFile | undefined,
): string | null {
  if (rewards.correct.length + rewards.wrong.length === 0) return samplesPerPrompt.min > 1 ? 'no critic' : null;
  const { critic = null, granularity = null } = numbers?.settings ?? {};
  const name = critic === null ? 'the critic' : `the critic of ${basename(critic) || basename(dirname(critic))}`;
  return granularity === null ? name : `${name}, ${granularity}`;
}

function scoreOf(row: EvalRow, { selector }: EvaluationSummary): number | null {
  const scores = row.reward_model_score;
  if (scores === null) return null;
  const span = selector === 'answer-2' ? answerSpan(row.generation.content, scores.length) : undefined;
  return selectScore(selector, scores, span);
}
