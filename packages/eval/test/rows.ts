import { type EvalRow, ROW_SCHEMA } from '../src/row.ts';

/** A complete row; tests override what they are about. */
export function row(overrides: Partial<EvalRow> = {}): EvalRow {
  return {
    schema: ROW_SCHEMA,
    run_id: 'run-1',
    prompt_id: 'p0',
    prompt: [{ role: 'user', content: 'How many?' }],
    generation: { content: 'four' },
    generation_idx: 0,
    completion_ids: [5, 6, 7],
    marks: [1, 2],
    forced: null,
    reward_model_score: [0.5, 0.5, 1],
    policy_log_probs: [-0.1, -0.2, -0.3],
    gold: '4',
    answer: '4',
    correctness_reward_func: 2,
    ...overrides,
  };
}

/** One prompt's rows from (correct, answer, score) triples. */
export function promptRows(
  promptId: string,
  samples: readonly { correct: boolean; answer?: string | null; score?: number | null; logprob?: number | null }[],
): EvalRow[] {
  return samples.map(({ correct, answer, score = 0, logprob = -1 }, generation_idx) =>
    row({
      prompt_id: promptId,
      generation_idx,
      answer: answer === undefined ? (correct ? '4' : '5') : answer,
      reward_model_score: score === null ? null : [score, score, score],
      policy_log_probs: logprob === null ? null : [logprob, logprob, logprob],
      correctness_reward_func: correct ? 2 : 0,
    }),
  );
}
