import { extractBoxed, extractHashAnswer, extractStatedAnswer } from '../verify/extract.ts';
import { parseNumber } from '../verify/number.ts';
import { type DataRow, optionalText, requiredTextOf, rowError } from './data-row.ts';
import type { Dataset, HubSource } from './dataset.ts';
import { canonicalTarget } from './example.ts';
import { THINK_THEN_ANSWER } from './instructions.ts';

/** The part of NuminaMath-CoT that holds contest problems of AMC and AIME. */
const NUMINA_SOURCE = 'amc_aime';

/** AIME problems with answers alone: the sets of 2024 and 2025. Answers are integers, "025" is 25. */
export const aimeTest: Dataset = {
  fields: '{problem or question, answer: an integer of 0 to 999}',
  system: THINK_THEN_ANSWER,
  checker: 'numeric',
  toExample: (row) => ({ prompt: problemOf(row), answer: statedInteger(row, requiredTextOf(row, 'answer')) }),
};

/**
 * AIME problems to train on, with human solutions where there are such (NuminaMath-CoT, source amc_aime).
 * Without a field `answer` it is the solution's own; problems whose answer is no integer of 0 to 999 (the
 * multiple choice of the AMC) do not belong to the set.
 */
export const aimeTrain: Dataset = {
  fields: '{problem or question, answer?, solution?, source?}',
  system: THINK_THEN_ANSWER,
  checker: 'numeric',
  source: numinaMath(),
  toExample(row) {
    const source = optionalText(row, 'source');
    if (source !== undefined && source !== NUMINA_SOURCE) return undefined;
    const solution = optionalText(row, 'solution')?.trim();
    const given = optionalText(row, 'answer');
    const answer = given === undefined ? solvedInteger(solution ?? '') : statedInteger(row, given);
    if (answer === undefined) return undefined;
    const prompt = problemOf(row);
    // Some files repeat the bare answer as the solution.
    const isReasoned = solution !== undefined && integerOf(solution) === undefined;
    return { prompt, answer, ...(isReasoned ? { target: canonicalTarget(solution, answer) } : {}) };
  },
};

function numinaMath(): HubSource {
  const shards = Array.from({ length: 5 }, (_, i) => `data/train-0000${i}-of-00005.parquet`);
  return { repo: 'AI-MO/NuminaMath-CoT', files: { train: shards, test: ['data/test-00000-of-00001.parquet'] } };
}

function problemOf(row: DataRow): string {
  return requiredTextOf(row, 'problem', 'question').trim();
}

function statedInteger(row: DataRow, text: string): string {
  const answer = integerOf(text);
  if (answer === undefined)
    throw rowError(row, 'an integer of 0 to 999 in "answer"', JSON.stringify(text.slice(0, 40)));
  return answer;
}

function solvedInteger(solution: string): string | undefined {
  const found = extractBoxed(solution) ?? extractHashAnswer(solution) ?? extractStatedAnswer(solution);
  return found === null ? undefined : integerOf(found);
}

/** The integer without leading zeros, as text; undefined for anything but an integer of 0 to 999. */
function integerOf(text: string): string | undefined {
  const number = parseNumber(text);
  if (number === undefined || number.denominator !== 1n) return undefined;
  return number.numerator >= 0n && number.numerator <= 999n ? String(number.numerator) : undefined;
}
