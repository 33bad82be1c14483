import type { Tokenizer } from '@dawngrad/models';

/** A completion as it is shown, from a line of samples.jsonl or from an evaluated row. */
export interface ShownSample {
  readonly name: string;
  /** The trainer within a run of several; null elsewhere. */
  readonly stage: string | null;
  /** Null in evaluated rows. */
  readonly step: number | null;
  readonly prompt: string;
  readonly completion: string;
  readonly answer: string | null;
  readonly gold: string | null;
  readonly isCorrect: boolean;
  /** Of the whole completion; null without a critic and without a reward. */
  readonly reward: number | null;
  /** One a token, or none. */
  readonly tokenRewards: readonly number[];
  readonly ids: readonly number[];
  /** The line as it was read. */
  readonly row: Readonly<Record<string, unknown>>;
}

/** A piece of a completion with its reward. */
export interface ShadedText {
  readonly text: string;
  readonly reward: number | null;
}

/** Undefined for a line that is neither a sample nor an evaluated row. */
export function shownSample(row: Readonly<Record<string, unknown>>): ShownSample | undefined {
  if (typeof row.completion === 'string') return ofSample(row, row.completion);
  const generation = row.generation;
  const content = isObject(generation) ? generation.content : undefined;
  return typeof content === 'string' ? ofEvaluated(row, content) : undefined;
}

function ofSample(row: Readonly<Record<string, unknown>>, completion: string): ShownSample {
  return {
    name: String(row.id ?? ''),
    stage: textOrNull(row.stage),
    step: numberOrNull(row.step),
    prompt: String(row.prompt ?? ''),
    completion,
    answer: textOrNull(row.answer),
    gold: textOrNull(row.gold),
    isCorrect: row.correct === true,
    reward: numberOrNull(row.reward),
    tokenRewards: numbers(row.token_rewards),
    ids: numbers(row.completion_ids),
    row,
  };
}

function ofEvaluated(row: Readonly<Record<string, unknown>>, completion: string): ShownSample {
  const scores = numbers(row.reward_model_score);
  const prompt = Array.isArray(row.prompt) ? row.prompt : [];
  return {
    name: `${String(row.prompt_id ?? '')} sample ${String(row.generation_idx ?? '')}`,
    stage: null,
    step: null,
    prompt: prompt.map((message) => (isObject(message) ? String(message.content ?? '') : '')).join('\n'),
    completion,
    answer: textOrNull(row.answer),
    gold: textOrNull(row.gold),
    isCorrect: (numberOrNull(row.correctness_reward_func) ?? 0) > 0,
    reward: scores.length === 0 ? null : scores.reduce((sum, score) => sum + score, 0) / scores.length,
    tokenRewards: scores,
    ids: numbers(row.completion_ids),
    row,
  };
}

/** The completion token by token where a tokenizer and one reward a token are there; else in one piece. */
export function shadedText(sample: ShownSample, tokenizer: Tokenizer | undefined): ShadedText[] {
  const { ids, tokenRewards, completion } = sample;
  if (tokenizer === undefined || ids.length === 0 || tokenRewards.length !== ids.length) {
    return [{ text: completion, reward: null }];
  }
  return tokenizer.pieces(ids).map((text, t) => ({ text, reward: tokenRewards[t] ?? null }));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function numbers(value: unknown): number[] {
  if (!Array.isArray(value)) return [];
  return value.map((one) => (typeof one === 'number' ? one : Number.NaN));
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
