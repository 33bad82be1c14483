import { type DecoderModel, generate } from '@dawngrad/models';
import type { TraceRecord } from '../record.ts';
import { type MarkChoice, policyRecord } from '../task/create-record.ts';
import type { Task, TaskPrompt } from '../task/task.ts';

export interface RolloutOptions {
  readonly samplesPerPrompt: number;
  readonly temperature: number;
  readonly seed: number;
  /** One of `STREAMS`: what the samples are for. */
  readonly stream: number;
  /** The round or step; 0 is the critic's warm-up. With the sample's place it decides every random draw. */
  readonly round: number;
  readonly marks: MarkChoice;
  /** Number of the first sample, where a round has several calls: no two of a stream may share numbers. */
  readonly firstSample?: number;
  readonly onProgress?: (done: number, total: number, tokens: number) => void;
}

/** Asked while samples are drawn, several times a second. */
type ShouldStop = () => boolean;

/**
 * Samples completions of prompts from the policy, the task's environment writing its tokens, and makes
 * records of them: those of the first prompt first. A sample is a pure function of the weights, the seed,
 * the stream, the round and its place; `logp` holds what the sampler saw. Undefined where it was asked to stop: a
 * round that is half sampled is of no use, and comes back the same in a later start.
 */
export function rollout(
  policy: DecoderModel,
  task: Task,
  prompts: readonly TaskPrompt[],
  options: RolloutOptions,
): Promise<TraceRecord[]>;
export function rollout(
  policy: DecoderModel,
  task: Task,
  prompts: readonly TaskPrompt[],
  options: RolloutOptions,
  shouldStop: ShouldStop,
): Promise<TraceRecord[] | undefined>;
export async function rollout(
  policy: DecoderModel,
  task: Task,
  prompts: readonly TaskPrompt[],
  options: RolloutOptions,
  shouldStop?: ShouldStop,
): Promise<TraceRecord[] | undefined> {
  const { samplesPerPrompt, temperature, seed, stream, round, marks, firstSample, onProgress } = options;
  const firstOfRound = firstSample ?? round * prompts.length * samplesPerPrompt;
  const samples = await generate(
    policy,
    prompts.map(({ promptIds }, p) => ({
      promptIds,
      samples: samplesPerPrompt,
      firstSampleId: firstOfRound + p * samplesPerPrompt,
    })),
    {
      maxNewTokens: task.maxCompletionTokens,
      settings: { temperature, topK: 0, topP: 1, minP: 0 },
      seed,
      stream,
      stopIds: task.endIds,
      ...(task.environment === undefined ? {} : { environment: task.environment }),
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(shouldStop === undefined ? {} : { shouldStop }),
    },
  );
  if (samples.length < prompts.length * samplesPerPrompt) return undefined;
  return samples.map(({ request, sample, ids, logps }) => {
    const index = request * samplesPerPrompt + sample;
    const record = policyRecord(task, prompts[request]!, ids, marks, { round, index: (firstSample ?? 0) + index });
    record.logp = logps;
    return record;
  });
}
