import type { Critic, Task, TraceRecord } from '@dawngrad/airl';
import { FORMAT_REWARDS, referenceTagCount } from '@dawngrad/airl';
import type { EvalRow } from '@dawngrad/eval';
import type { Config } from '../config/schema.ts';

/** Where the critic is read. */
export function markChoice({ granularity, interval_tokens }: Config<'evaluate'>['reward']) {
  return { granularity, intervalTokens: interval_tokens };
}

/** Sets the critic's reward of each token in every record. */
export async function scoreRecords(
  critic: Critic,
  task: Task,
  records: readonly TraceRecord[],
  { reward, eval: { micro_batch_tokens } }: Pick<Config<'evaluate'>, 'reward' | 'eval'>,
): Promise<void> {
  // Files keep f of a plain critic and g of a shaped one: f - log pi depends on a policy.
  const form = reward.form ?? (critic.kind === 'shaped' ? 'g' : 'f');
  await critic.score(task, records, micro_batch_tokens, { temperature: reward.temperature, clip: reward.clip, form });
}

/** The rewards for the form of a text that rows carry, under the reference's names. */
export function formatRewards(text: string): Pick<EvalRow, 'xmlcount_reward_func' | 'strict_format_reward_func'> {
  return {
    xmlcount_reward_func: referenceTagCount(text),
    strict_format_reward_func: FORMAT_REWARDS.strict_format(text),
  };
}
