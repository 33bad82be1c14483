import { type DecoderModel, tokenLogProbs } from '@dawngrad/models';
import { readAll, scopeAsync } from '@dawngrad/tensor';
import type { RewardOptions } from '../credit/reward.ts';
import type { Critic } from '../critic/critic.ts';
import { microBatches } from '../loss/micro-batches.ts';
import { completionValues, firstRows, packTraces, traceLength } from '../loss/token-rows.ts';
import type { TraceRecord } from '../record.ts';
import type { Task } from '../task/task.ts';

/** What a critic and a policy say about each completion token of a trace, T numbers each. */
export interface TokenSignals {
  /** Critic scores, back-filled between the record's marks. */
  readonly critic: Float32Array;
  /** log pi of each token, nats; a token that the environment wrote has that of the token before it. */
  readonly logp: Float32Array;
  /** Entropy of the distribution that each token was drawn from, nats; likewise. */
  readonly entropy: Float32Array;
}

/** How traces are scored. */
export interface TokenSignalOptions {
  /** Most tokens in one forward pass; changes memory, not results. */
  readonly microBatchTokens: number;
  readonly reward: RewardOptions;
}

/** Scores traces, in the order given: what localisation looks for errors in. Sets `critic` in the records. */
export async function tokenSignals(
  policy: DecoderModel,
  critic: Critic,
  task: Task,
  records: readonly TraceRecord[],
  { microBatchTokens, reward }: TokenSignalOptions,
): Promise<TokenSignals[]> {
  const found: Omit<TokenSignals, 'critic'>[] = [];
  for (const part of microBatches(records, traceLength, microBatchTokens)) {
    await scopeAsync(async () => {
      const batch = packTraces(policy.device, part);
      const { logp, entropy } = tokenLogProbs(policy, batch);
      const [logps, entropies] = (await readAll([logp, entropy])) as [Float32Array, Float32Array];
      firstRows(batch, part, 'predicting').forEach((row, i) => {
        const record = part[i]!;
        const own = (values: Float32Array): Float32Array =>
          withoutForced(completionValues(values, row, record), record.forced);
        found.push({ logp: own(logps), entropy: own(entropies) });
      });
    });
  }
  await critic.score(task, records, microBatchTokens, reward);
  return found.map((one, i) => ({ ...one, critic: records[i]!.critic! }));
}

/** No change shows where the environment wrote: nobody chose those tokens. */
function withoutForced(values: Float32Array, forced: Uint8Array): Float32Array {
  for (let t = 1; t < values.length; t++) if (forced[t] === 1) values[t] = values[t - 1]!;
  return values;
}
