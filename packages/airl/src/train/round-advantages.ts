import { type Advantages, type CreditOptions, estimateAdvantages } from '../credit/advantage.ts';
import type { TraceReward } from '../credit/reward.ts';
import { type RewardSources, sourceReward } from '../credit/reward-sources.ts';
import { DIVERGENCES } from '../loss/policy/divergence.ts';
import type { TraceRecord } from '../record.ts';
import { recordLogProbs } from '../rollout/record-log-probs.ts';
import type { PolicyObjective } from './policy-update.ts';
import type { ReferencePolicy } from './reference-policy.ts';

export interface RoundAdvantageOptions extends Pick<PolicyObjective, 'kl' | 'klBeta'> {
  readonly credit: CreditOptions;
  readonly sources?: RewardSources;
  readonly groupSize: number;
  /** The prompt of each record, where groups do not just follow one another. */
  readonly groups?: readonly number[] | undefined;
  /** What a critic says of the records beside the rewards of their tokens. */
  readonly scores?: readonly Pick<TraceReward, 'whole' | 'g'>[];
  /** The temperature that the samples were drawn at. */
  readonly temperature: number;
  /** The length limit of completions. */
  readonly maxTokens: number;
  readonly microBatchTokens: number;
}

/**
 * Gives each record of a round its advantage, from the trainer's own reward of each token, the rewards of the
 * sample as a whole and, where the divergence is in the reward, beta times its sum over the sample's own tokens.
 *
 * @param records groups of `groupSize`, one after another, unless `groups` says otherwise
 * @param tokenRewards one list a record, length T
 */
export async function roundAdvantages(
  records: readonly TraceRecord[],
  tokenRewards: readonly ArrayLike<number>[],
  reference: ReferencePolicy | undefined,
  options: RoundAdvantageOptions,
): Promise<Advantages> {
  const { credit, sources = {}, groupSize, groups, maxTokens, scores } = options;
  const divergences = await sampleDivergences(records, reference, options);
  const advantages = estimateAdvantages(
    records.map((record, i) => {
      const source = sourceReward(record, sources, maxTokens);
      const divergence = divergences?.[i];
      const bonus = divergence === undefined ? source : (source ?? 0) - options.klBeta * divergence;
      const { whole, g } = scores?.[i] ?? {};
      return {
        group: groups?.[i] ?? Math.floor(i / groupSize),
        rewards: tokenRewards[i]!,
        segments: record.segments,
        ...(bonus === undefined ? {} : { bonus }),
        ...(whole === undefined ? {} : { whole }),
        ...(g === undefined ? {} : { g }),
      };
    }),
    credit,
  );
  records.forEach((record, i) => {
    record.advantage = advantages.perToken[i]!;
  });
  return advantages;
}

/** The divergence of each sample, nats; undefined where it is not part of the reward. */
async function sampleDivergences(
  records: readonly TraceRecord[],
  reference: ReferencePolicy | undefined,
  { kl, temperature, microBatchTokens }: RoundAdvantageOptions,
): Promise<number[] | undefined> {
  if (reference === undefined || kl?.place !== 'reward') return undefined;
  const { adapters, model } = reference;
  const logps = await recordLogProbs(model, records, microBatchTokens, { adapters, temperature });
  const { ofToken } = DIVERGENCES[kl.form];
  return records.map((record, i) => {
    record.refLogp = logps[i]!;
    return logps[i]!.reduce((sum, ref, t) => sum + (record.forced[t] ? 0 : ofToken(ref - record.logp![t]!)), 0);
  });
}
