import { extractAnswer, hashText, referenceTagCount } from '@dawngrad/airl';
import { ToolError } from '@dawngrad/tensor';
import {
  type EvalRow,
  hasContent,
  isIndex,
  isMessage,
  isScores,
  type Message,
  ROW_SCHEMA,
  type RowSource,
  withNaN,
} from './row.ts';

/**
 * The rows that the method's reference code publishes (r-airl.md, section 7.2): no ids, no schema, the
 * prompt as its only name, `[0]` for scores that were not computed.
 */
export interface ReferenceRow {
  readonly row: EvalRow;
  /** Fields that have no meaning here. */
  readonly ignored: readonly string[];
}

const FIELDS = new Set(['prompt', 'generation', 'generation_idx', 'reward_model_score', 'policy_log_probs']);

/** Whether parsed JSON is a row of the reference rather than one of ours. */
export function isReferenceRow(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !('schema' in value) && 'generation_idx' in value;
}

/**
 * A row of the reference as one of ours; the prompt id is a hash of the prompt, so it is the same in every
 * file. Throws ToolError 'config' with all faults.
 */
export function referenceRow(value: unknown, source: RowSource, runId: string): ReferenceRow {
  const row = value as Record<string, unknown>;
  const prompt = promptOf(row.prompt);
  const content = contentOf(row.generation);
  const rewards = Object.entries(row).filter(([key]) => key.endsWith('_reward_func'));
  const faults = [
    ...(prompt === undefined ? ['prompt: not a list of {role, content} or a text'] : []),
    ...(content === undefined ? ['generation: not {content: string}'] : []),
    ...(isIndex(row.generation_idx) ? [] : ['generation_idx: not an integer of 0 or more']),
    ...['reward_model_score', 'policy_log_probs'].flatMap((key) =>
      row[key] === undefined || row[key] === null || isScores(row[key]) ? [] : [`${key}: not a list of numbers`],
    ),
    ...(Number.isFinite(row.correctness_reward_func) ? [] : ['correctness_reward_func: missing or not a number']),
    ...rewards
      .filter(([key, reward]) => key !== 'correctness_reward_func' && !Number.isFinite(reward))
      .map(([key]) => `${key}: not a number`),
  ];
  if (faults.length > 0) {
    throw new ToolError('config', {
      op: `${source.file}:${source.line}`,
      expected: "a completion row of schema 1, or one of the reference's",
      got: faults.join('; '),
    });
  }
  const scores = row.reward_model_score as (number | null)[] | null | undefined;
  const isOff = !scores || (scores.length === 1 && scores[0] === 0);
  return {
    row: {
      schema: ROW_SCHEMA,
      run_id: runId,
      prompt_id: promptKey(prompt as readonly Message[]),
      prompt: prompt as readonly Message[],
      generation: { content: content as string },
      generation_idx: row.generation_idx as number,
      completion_ids: null,
      marks: null,
      forced: null,
      reward_model_score: isOff ? null : withNaN(scores),
      policy_log_probs: withNaN((row.policy_log_probs as (number | null)[] | null | undefined) ?? null),
      gold: null,
      answer: extractAnswer(content as string),
      ...(Object.fromEntries(rewards) as Record<'correctness_reward_func', number>),
    },
    ignored: Object.keys(row).filter((key) => !FIELDS.has(key) && !key.endsWith('_reward_func')),
  };
}

/** A row as a line of the reference's files, without the newline: what this format alone has is left out. */
export function formatReferenceRow(row: EvalRow): string {
  const rewards = Object.fromEntries(Object.entries(row).filter(([key]) => key.endsWith('_reward_func')));
  return JSON.stringify({
    prompt: row.prompt,
    generation: { content: row.generation.content },
    generation_idx: row.generation_idx,
    reward_model_score: row.reward_model_score ?? [0],
    ...(row.policy_log_probs === null ? {} : { policy_log_probs: row.policy_log_probs }),
    xmlcount_reward_func: referenceTagCount(row.generation.content),
    ...rewards,
    // The reference tests for 2.0.
    correctness_reward_func: row.correctness_reward_func > 0 ? 2 : 0,
  });
}

/** The id of a prompt that has no name: a 53-bit hash of its messages. */
export function promptKey(prompt: readonly Message[]): string {
  return `prompt-${hashText(JSON.stringify(prompt.map(({ role, content }) => [role, content])))
    .toString(16)
    .padStart(14, '0')}`;
}

/**
 * JSON in which Python wrote NaN and infinities, which JSON does not have: they become null, as in our files.
 * Strings are passed over.
 */
export function withoutNonFinite(line: string): string {
  return line.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\b(?:NaN|Infinity)\b/g, (found) =>
    found.startsWith('"') ? found : 'null',
  );
}

function promptOf(value: unknown): readonly Message[] | undefined {
  if (typeof value === 'string') return [{ role: 'user', content: value }];
  return Array.isArray(value) && value.length > 0 && value.every(isMessage) ? value : undefined;
}

/** The text of `{content}`, of a bare text, or of a list with one message. */
function contentOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const one = Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value;
  return hasContent(one) ? one.content : undefined;
}
