import type { DecoderModel } from '@dawngrad/models';
import type { TraceRecord } from '../record.ts';
import { recordLogProbs } from '../rollout/record-log-probs.ts';

export interface JoinedRound {
  /** The samples in their order, then one copy of the expert of each demonstrated prompt. */
  readonly records: readonly TraceRecord[];
  /** The prompt of each record. */
  readonly groups: readonly number[];
}

/**
 * A round in which each demonstrated prompt's expert joins the group of its samples (G' = G + 1; r-airl.md,
 * section 4.2): it is scored and learned from like a sample. Its old log-probabilities are those of the current
 * policy, so that its ratio is 1 in the first update.
 *
 * @param records groups of `groupSize`, one after another
 */
export async function joinExperts(
  policy: DecoderModel,
  records: readonly TraceRecord[],
  expertOf: ReadonlyMap<string, TraceRecord>,
  options: { readonly groupSize: number; readonly temperature: number; readonly microBatchTokens: number },
): Promise<JoinedRound> {
  const { groupSize, temperature, microBatchTokens } = options;
  const experts = records.flatMap((record, i) => {
    const expert = i % groupSize === 0 ? expertOf.get(record.promptId) : undefined;
    return expert === undefined ? [] : [{ expert, group: i / groupSize }];
  });
  const logps = await recordLogProbs(
    policy,
    experts.map(({ expert }) => expert),
    microBatchTokens,
    { temperature },
  );
  return {
    records: [...records, ...experts.map(({ expert }, i): TraceRecord => ({ ...expert, logp: logps[i]! }))],
    groups: [...records.map((_, i) => Math.floor(i / groupSize)), ...experts.map(({ group }) => group)],
  };
}
