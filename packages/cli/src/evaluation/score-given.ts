import { type Critic, policyRecord, recordLogProbs, type Task, type TextCodec, type TraceRecord } from '@dawngrad/airl';
import type { EvalRow } from '@dawngrad/eval';
import type { DecoderModel } from '@dawngrad/models';
import type { Config } from '../config/schema.ts';
import type { GivenPrompt } from './given-rows.ts';
import { formatRewards, markChoice, scoreRecords } from './score-records.ts';

/** A given completion as a record, and whether its row's own ids are those of this tokenizer. */
export interface GivenRecord {
  readonly row: EvalRow;
  readonly record: TraceRecord;
  readonly keepsIds: boolean;
}

/**
 * The records of given completions. A row's own ids are taken where they are the text's under this tokenizer (D5);
 * else the text is encoded, with an end token where it is below the length limit, as sampling would have ended it.
 */
export function givenRecords(
  prompts: readonly GivenPrompt[],
  task: Task,
  codec: TextCodec,
  reward: Config<'evaluate'>['reward'],
): GivenRecord[] {
  const byId = new Map(task.test.map((prompt) => [prompt.id, prompt]));
  return prompts.flatMap(({ example, rows }) =>
    rows.map((row): GivenRecord => {
      const own = row.completion_ids;
      const keepsIds =
        own !== null &&
        own.length > 0 &&
        own.every((id) => id < codec.vocabSize) &&
        task.decode(own) === row.generation.content;
      const ids = keepsIds ? own : encoded(row.generation.content, task, codec);
      const prompt = byId.get(example.id)!;
      const at = { round: 0, index: row.generation_idx };
      return { row, record: policyRecord(task, prompt, Uint32Array.from(ids), markChoice(reward), at), keepsIds };
    }),
  );
}

function encoded(text: string, task: Task, codec: TextCodec): number[] {
  const ids = [...codec.encodeCompletion(text)];
  return ids.length < task.maxCompletionTokens ? [...ids, codec.endId] : ids;
}

export interface GivenModels {
  readonly policy: DecoderModel | undefined;
  readonly critic: Critic | undefined;
  readonly task: Task;
}

/** Rows with log-probabilities, critic scores, or both; what is not computed stays as it was given. */
export async function scoreGiven(
  { policy, critic, task }: GivenModels,
  given: readonly GivenRecord[],
  config: Config<'evaluate'>,
): Promise<EvalRow[]> {
  const records = given.map(({ record }) => record);
  if (policy !== undefined) {
    const { temperature } = config.sampling;
    const found = await recordLogProbs(policy, records, config.eval.micro_batch_tokens, { temperature });
    records.forEach((record, i) => {
      record.logp = found[i]!;
    });
  }
  if (critic !== undefined) {
    // The form f - log pi reads them.
    given.forEach(({ row, record, keepsIds }) => {
      if (record.logp === undefined && keepsIds && row.policy_log_probs !== null) {
        record.logp = Float32Array.from(row.policy_log_probs);
      }
    });
    await scoreRecords(critic, task, records, config);
  }
  return given.map(({ row, record, keepsIds }): EvalRow => {
    const old = keepsIds ? row : { marks: null, reward_model_score: null, policy_log_probs: null };
    return {
      ...formatRewards(row.generation.content),
      ...row,
      completion_ids: Array.from(record.completionIds),
      marks: record.critic === undefined ? old.marks : Array.from(record.marks),
      forced: keepsIds ? row.forced : null,
      reward_model_score: record.critic === undefined ? old.reward_model_score : Array.from(record.critic),
      policy_log_probs: record.logp === undefined ? old.policy_log_probs : Array.from(record.logp),
    };
  });
}
