import type { ChoiceOptions } from '../verify/verdict.ts';
import { type DataRow, fieldOf, optionalText, optionalTexts, requiredText, rowError } from './data-row.ts';
import type { Dataset, ExampleOfRow } from './dataset.ts';
import { canonicalTarget } from './example.ts';
import { ANSWER_MEDICAL, ANSWER_OPTION_TEXT } from './instructions.ts';
import { matchOption } from './match-option.ts';

const LETTERS = 'ABCDEFGHIJ';

/** The parts of MedReason that are questions of four options; others have yes, no and maybe, or more. */
const MEDREASON_SOURCES = ['medqa', 'medmcqa'];

/** How the answer of a multiple-choice question is written. */
type AnswerForm = 'label and text' | 'text';

/**
 * Medical questions: the rows of MedReason, of the reference's corrupted MedReason, and of MedQA. The gold
 * answer is `<LETTER>. <text>`.
 */
export const medical: Dataset = {
  fields: '{question, options, answer or answer_idx, reasoning?, corrupted_reasonings?, corrupted_answers?}',
  system: ANSWER_MEDICAL,
  checker: 'choice',
  source: { repo: 'UCSC-VLAA/MedReason', files: { train: ['ours_quality_33000.jsonl'] } },
  toExample(row) {
    const source = optionalText(row, 'dataset_name')?.toLowerCase();
    if (source !== undefined && !MEDREASON_SOURCES.includes(source)) return undefined;
    return choiceExample(row, 'label and text');
  },
};

/** MMLU-Pro, as published and with the reference's rationales. The gold answer is the option's text. */
export const mmluPro: Dataset = {
  fields:
    '{question, options, answer or answer_index, category?, reasoning?, corrupted_reasonings?, corrupted_answers?}',
  system: ANSWER_OPTION_TEXT,
  checker: 'choice',
  source: {
    repo: 'TIGER-Lab/MMLU-Pro',
    files: {
      test: ['data/test-00000-of-00001.parquet'],
      validation: ['data/validation-00000-of-00001.parquet'],
    },
  },
  toExample: (row) => {
    const example = choiceExample(row, 'text');
    return { ...example, prompt: `${example.prompt}\n` };
  },
};

/** ScienceQA with rationales. The gold answer is the option's text. */
export const scienceQa: Dataset = {
  fields: '{question, options, answer, reasoning?, corrupted_reasonings?, corrupted_answers?}',
  system: ANSWER_OPTION_TEXT,
  checker: 'choice',
  toExample: (row) => choiceExample(row, 'text'),
};

function choiceExample(row: DataRow, form: AnswerForm): ExampleOfRow {
  const question = requiredText(row, 'question').trim();
  const given = optionsOf(row);
  const options = given ?? parseOptions(question);
  if (options === undefined) {
    throw rowError(row, 'options A, B, ... in "options" or in the lines of "question"', 'none');
  }
  const write = (letter: string): string => {
    const text = options[letter] as string;
    return form === 'text' ? text : `${letter}. ${text}`;
  };
  const answer = write(goldLetter(row, options));
  const reasoning = (optionalText(row, 'reasoning') ?? optionalText(row, 'Complex_CoT'))?.trim();
  const category = optionalText(row, 'category');
  const corruptedTargets = storedTraces(row, options, write, answer);
  return {
    prompt: given === undefined ? question : `${question}\n${optionLines(options)}`,
    answer,
    options,
    ...(reasoning === undefined ? {} : { target: canonicalTarget(reasoning, answer) }),
    ...(category === undefined ? {} : { category }),
    ...(corruptedTargets === undefined ? {} : { corruptedTargets }),
  };
}

/** All of a row's stored wrong traces, n of them where the reference kept n - 1 (D8). */
function storedTraces(
  row: DataRow,
  options: ChoiceOptions,
  write: (letter: string) => string,
  gold: string,
): string[] | undefined {
  const reasonings = optionalTexts(row, 'corrupted_reasonings');
  const answers = optionalTexts(row, 'corrupted_answers');
  if (reasonings === undefined && answers === undefined) return undefined;
  if (reasonings?.length !== answers?.length) {
    const counts = `${reasonings?.length ?? 0} and ${answers?.length ?? 0}`;
    throw rowError(row, 'as many corrupted_reasonings as corrupted_answers', counts);
  }
  return reasonings?.map((reasoning, i) => {
    const text = answers?.[i] as string;
    const letter = matchOption(text, options);
    if (letter === undefined || write(letter) === gold) {
      throw rowError(
        row,
        `another option than the gold one in corrupted_answers, entry ${i + 1}`,
        JSON.stringify(text),
      );
    }
    return canonicalTarget(reasoning.trim(), write(letter));
  });
}

function goldLetter(row: DataRow, options: ChoiceOptions): string {
  const index = fieldOf(row, 'answer_index');
  const text = optionalText(row, 'answer_idx') ?? optionalText(row, 'answer');
  const byIndex = typeof index === 'number' || typeof index === 'bigint' ? LETTERS[Number(index)] : undefined;
  // MedReason writes "text. Explanation: ..." into its answers.
  const stated = text?.split(/\.?\s+Explanation:/, 1)[0];
  const letter = stated === undefined ? byIndex : matchOption(stated, options);
  if (letter === undefined || !Object.hasOwn(options, letter)) {
    throw rowError(
      row,
      `an answer that is one of the options ${Object.keys(options).join('')}`,
      JSON.stringify(text ?? null),
    );
  }
  return letter;
}

function optionsOf(row: DataRow): ChoiceOptions | undefined {
  const value = fieldOf(row, 'options') ?? fieldOf(row, 'choices');
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') {
    const parsed = parseOptions(value);
    if (parsed !== undefined) return parsed;
  } else if (Array.isArray(value)) {
    const texts = value.filter((text) => typeof text === 'string' && text.trim() !== '');
    if (texts.length === value.length && texts.length >= 2 && texts.length <= LETTERS.length) return lettered(texts);
  } else if (typeof value === 'object') {
    const entries = Object.entries(value).filter(([, text]) => typeof text === 'string' && text.trim() !== '');
    if (entries.length >= 2 && entries.every(([letter]) => /^[A-J]$/.test(letter))) {
      return Object.fromEntries(entries.map(([letter, text]) => [letter, (text as string).trim()]));
    }
  }
  throw rowError(row, 'two to ten options A to J in "options"', JSON.stringify(value)?.slice(0, 60) ?? 'nothing');
}

function lettered(texts: readonly string[]): ChoiceOptions {
  return Object.fromEntries(texts.map((text, i) => [LETTERS[i] as string, text.trim()]));
}

/** The options in a text's last lines "A. ...", "B. ..." in order; undefined where there are not two. */
function parseOptions(text: string): ChoiceOptions | undefined {
  let texts: string[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*\(?([A-J])[.):]\s*(\S.*)$/.exec(line);
    if (match === null) continue;
    const place = LETTERS.indexOf(match[1] as string);
    if (place === 0) texts = [match[2] as string];
    else if (place === texts.length) texts.push(match[2] as string);
  }
  return texts.length < 2 ? undefined : lettered(texts);
}

function optionLines(options: ChoiceOptions): string {
  return Object.entries(options)
    .map(([letter, text]) => `${letter}. ${text}`)
    .join('\n');
}
