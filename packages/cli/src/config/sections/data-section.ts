import { CHECKERS, type CheckerName, type DatasetName, datasets } from '@dawngrad/airl';
import { between, field, oneOf, section, text, whole, yesNo } from '../field.ts';
import { nameIn } from '../name-in.ts';
import { namesOf } from './names-of.ts';

/** The fields that all uses of data share. */
const rowFields = {
  format: field(
    nameIn<DatasetName>(datasets),
    'gsm8k',
    'choice',
    'Kind of rows: gsm8k {question, answer}, jsonl {prompt, target, answer}; _kd sets have experts.',
  ),
  path: field(
    text().nullable(),
    null,
    'path',
    'Rows in JSONL, JSON, parquet or Arrow: a file, a folder, or datasets/owner/name on the hub; also --data.',
  ),
  max_rows: field(whole(1).nullable(), null, 'rows', 'Use the first rows of the file only; null = all.'),
  max_prompt_tokens: field(whole(1), 300, 'tokens', 'Longest prompt allowed.'),
  max_completion_tokens: field(
    whole(1),
    824,
    'tokens',
    'Longest completion allowed, for targets and for samples, end token included.',
  ),
  overlong: field(
    oneOf(['error', 'drop']),
    'error',
    'choice',
    'What becomes of rows over a limit; rows are never cut.',
  ),
  split: field(
    text().nullable(),
    null,
    'name',
    'Split of a folder or of a data set on the hub; null = train to train on, test to evaluate.',
  ),
  bad_rows: field(
    oneOf(['error', 'drop']),
    'error',
    'choice',
    'What becomes of rows that cannot be used: one message with their places, or they are left out.',
  ),
  no_system: field(
    yesNo(),
    false,
    'yes/no',
    "Put the data set's instruction into the user's text, also where the chat template has system messages.",
  ),
  checker: field(
    oneOf(namesOf<CheckerName>(CHECKERS)).nullable(),
    null,
    'choice',
    'How a final answer is compared with the gold answer; null = as the format asks for.',
  ),
};

export const evaluationDataSection = () => section(rowFields);

const trainingFields = {
  ...rowFields,
  dev_fraction: field(
    between(0, 0.9),
    0.1,
    'fraction',
    'Share of the rows kept apart for evaluation during training; 0 = none.',
  ),
};

const expertFields = {
  ...trainingFields,
  expert_error_rate: field(
    between(0, 1),
    0,
    'fraction',
    'Share of the expert traces that are made wrong on purpose before training.',
  ),
};

export const opsdDataSection = () => section(expertFields);

export const grpoDataSection = () => section(trainingFields);

export const sftDataSection = () => section(expertFields);

export const irlDataSection = () =>
  section({
    ...expertFields,
    demonstrations: field(
      whole(1).nullable(),
      null,
      'rows',
      'Rows whose target counts as a demonstration; the rest are unlabelled prompts. null = all with a target.',
    ),
  });
