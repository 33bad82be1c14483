import type { TraceRecord } from '@dawngrad/airl';
import { type EvalRow, type Message, ROW_SCHEMA } from './row.ts';

export interface RowContext {
  readonly runId: string;
  readonly prompt: readonly Message[];
  /** 0-based place among the completions of the prompt. */
  readonly generationIdx: number;
  /** The name of the checker that gave the record its verdict. */
  readonly checker?: string;
  readonly category?: string;
  /** Further programmatic rewards of the completion. */
  readonly rewards?: Readonly<Record<`${string}_reward_func`, number>>;
}

/** The row of a record: its scores as they stand, null where there are none. */
export function rowOfRecord(
  record: TraceRecord,
  { runId, prompt, generationIdx, checker, category, rewards }: RowContext,
): EvalRow {
  const forced = Array.from(record.forced.keys()).filter((t) => record.forced[t] === 1);
  return {
    schema: ROW_SCHEMA,
    run_id: runId,
    prompt_id: record.promptId,
    prompt,
    generation: { content: record.text },
    generation_idx: generationIdx,
    completion_ids: Array.from(record.completionIds),
    marks: record.critic === undefined ? null : Array.from(record.marks),
    forced: forced.length === 0 ? null : forced,
    reward_model_score: record.critic === undefined ? null : Array.from(record.critic),
    policy_log_probs: record.logp === undefined ? null : Array.from(record.logp),
    gold: record.gold,
    answer: record.answerExtracted,
    ...(checker === undefined ? {} : { checker }),
    ...(category === undefined ? {} : { category }),
    ...rewards,
    correctness_reward_func: record.correct ? 2 : 0,
  };
}
