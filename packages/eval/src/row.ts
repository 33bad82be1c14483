import { ToolError } from '@dawngrad/tensor';

/** Version of the row format; a reader refuses any other. */
export const ROW_SCHEMA = 1;

export interface Message {
  readonly role: string;
  readonly content: string;
}

/**
 * One sampled completion, one line of a JSONL file. The field names are those of the reference
 * implementation's files, so that rows can be exchanged, hence snake case; T is the number of tokens
 * of the completion, and every index counts inside the completion.
 */
export interface EvalRow {
  readonly schema: typeof ROW_SCHEMA;
  readonly run_id: string;
  readonly prompt_id: string;
  readonly prompt: readonly Message[];
  readonly generation: { readonly content: string };
  /** 0-based, unique within a prompt. */
  readonly generation_idx: number;
  /** Null in rows of the reference's files, which hold text alone. */
  readonly completion_ids: readonly number[] | null;
  /** Positions at which the critic was read, ascending. */
  readonly marks: readonly number[] | null;
  /** Positions that the environment wrote, ascending: log-probability scores leave them out. */
  readonly forced: readonly number[] | null;
  /** T critic scores, or null when no critic ran. A non-finite score is NaN here and null in the file. */
  readonly reward_model_score: readonly number[] | null;
  /** T log-probabilities under the policy (nats), or null when not computed. */
  readonly policy_log_probs: readonly number[] | null;
  /** Null in rows of the reference's files, which hold the verdict alone. */
  readonly gold: string | null;
  /** The extracted answer, or null when none could be extracted. */
  readonly answer: string | null;
  /** The checker that gave the verdict; absent where it is not known. */
  readonly checker?: string;
  /** The part of the data set that the prompt belongs to. */
  readonly category?: string;
  /** The checker's verdict: positive is correct, 0 is wrong. The scale (1 or 2) carries no meaning. */
  readonly correctness_reward_func: number;
  /** Further programmatic rewards, one number each. */
  readonly [reward: `${string}_reward_func`]: number;
}

/** Where a row came from, for messages. */
export interface RowSource {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
}

const FIELDS = new Set([
  'schema',
  'run_id',
  'prompt_id',
  'prompt',
  'generation',
  'generation_idx',
  'completion_ids',
  'marks',
  'forced',
  'reward_model_score',
  'policy_log_probs',
  'gold',
  'answer',
  'checker',
  'category',
]);

/** True when the checker accepted the completion. */
export function isCorrect(row: EvalRow): boolean {
  return row.correctness_reward_func > 0;
}

/** One line of JSONL, without the newline; refuses a row that `parseRow` would refuse. */
export function formatRow(row: EvalRow): string {
  const line = JSON.stringify(row);
  const faults = rowFaults(JSON.parse(line) as unknown);
  if (faults.length > 0) {
    throw new ToolError('config', {
      op: `writing row ${row.prompt_id}/${row.generation_idx}`,
      expected: 'a complete row',
      got: faults.join('; '),
    });
  }
  return line;
}

/** Reads one line. Malformed JSON is 'corrupt'; a wrong, missing or unknown field is 'config', all faults at once. */
export function parseRow(line: string, source: RowSource): EvalRow {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw malformed(source, cause);
  }
  return checkedRow(value, source);
}

/** A row of this format from parsed JSON; throws ToolError 'config' with all of its faults. */
export function checkedRow(value: unknown, source: RowSource): EvalRow {
  const faults = rowFaults(value);
  if (faults.length > 0) {
    throw new ToolError('config', {
      op: `${source.file}:${source.line}`,
      expected: `a completion row of schema ${ROW_SCHEMA}`,
      got: faults.join('; '),
    });
  }
  const row = value as EvalRow;
  return {
    ...row,
    reward_model_score: withNaN(row.reward_model_score),
    policy_log_probs: withNaN(row.policy_log_probs),
  };
}

/** The error of a line that is no JSON. */
export function malformed(source: RowSource, cause: unknown): ToolError {
  return new ToolError('corrupt', {
    op: `${source.file}:${source.line}`,
    expected: 'one JSON object a line',
    got: cause instanceof Error ? cause.message : 'malformed JSON',
    hint: 'a last line cut short means that the writer was stopped: go on with it, or read the rest with --tolerate.',
    cause,
  });
}

/** JSON has no NaN: the file holds null, memory holds NaN. */
export function withNaN(values: readonly (number | null)[] | null): number[] | null {
  return values === null ? null : values.map((value) => value ?? Number.NaN);
}

function rowFaults(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ['not an object'];
  const row = value as Record<string, unknown>;
  const faults: string[] = [];
  const need = (key: string, ok: boolean, expected: string): void => {
    if (!ok) faults.push(`${key}: ${key in row ? `not ${expected}` : `missing (${expected})`}`);
  };

  need('schema', row.schema === ROW_SCHEMA, `${ROW_SCHEMA}`);
  need('run_id', typeof row.run_id === 'string', 'a string');
  need('prompt_id', typeof row.prompt_id === 'string' && row.prompt_id !== '', 'a non-empty string');
  need('prompt', Array.isArray(row.prompt) && row.prompt.every(isMessage), 'a list of {role, content}');
  need('generation', hasContent(row.generation), '{content: string}');
  need('generation_idx', isIndex(row.generation_idx), 'an integer of 0 or more');
  need('gold', row.gold === null || typeof row.gold === 'string', 'a string or null');
  need('answer', row.answer === null || typeof row.answer === 'string', 'a string or null');
  for (const key of ['checker', 'category']) need(key, !(key in row) || typeof row[key] === 'string', 'a string');

  const ids = row.completion_ids;
  const idsOk = Array.isArray(ids) && ids.every(isIndex);
  need('completion_ids', idsOk || ids === null, 'a list of token ids or null');
  const count = idsOk ? ids.length : Number.POSITIVE_INFINITY;
  need('marks', row.marks === null || isPositions(row.marks, count), 'null or ascending positions in the completion');
  need(
    'forced',
    row.forced === null || isPositions(row.forced, count),
    'null or ascending positions in the completion',
  );
  for (const key of ['reward_model_score', 'policy_log_probs']) {
    const scores = row[key];
    need(key, scores === null || isScores(scores), 'null or a list of numbers');
    // Every score vector has exactly T entries (invariant I6 of the method's record).
    if (idsOk && isScores(scores) && scores.length !== count) {
      faults.push(`${key}: ${scores.length} values for ${count} tokens`);
    }
  }

  need('correctness_reward_func', Number.isFinite(row.correctness_reward_func), 'a number');
  for (const key of Object.keys(row)) {
    if (FIELDS.has(key) || key === 'correctness_reward_func') continue;
    if (!key.endsWith('_reward_func')) faults.push(`${key}: unknown field`);
    else if (!Number.isFinite(row[key])) faults.push(`${key}: not a number`);
  }
  return faults;
}

/** Whether a value is `{content: string}`. */
export function hasContent(value: unknown): value is { readonly content: string } {
  return typeof value === 'object' && value !== null && 'content' in value && typeof value.content === 'string';
}

/** Whether a value is `{role, content}`. */
export function isMessage(value: unknown): value is Message {
  return hasContent(value) && typeof (value as { role?: unknown }).role === 'string';
}

/** Whether a value is an integer of 0 or more. */
export function isIndex(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

/** Whether a value is a list of numbers, null standing for one that is not finite. */
export function isScores(value: unknown): value is (number | null)[] {
  return Array.isArray(value) && value.every((item) => item === null || typeof item === 'number');
}

function isPositions(value: unknown, count: number): boolean {
  return (
    Array.isArray(value) &&
    value.every((item, i) => isIndex(item) && item < count && (i === 0 || item > (value[i - 1] as number)))
  );
}
