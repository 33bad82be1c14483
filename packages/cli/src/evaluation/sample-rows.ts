import { type Critic, policyRecord, STREAMS, type Task, type TraceRecord } from '@dawngrad/airl';
import { type EvalRow, rowOfRecord } from '@dawngrad/eval';
import { type DecoderModel, generate } from '@dawngrad/models';
import type { Config } from '../config/schema.ts';

export interface SampleRowsOptions {
  readonly runId: string;
  /** Place of the first prompt among all prompts of the evaluation. */
  readonly firstPrompt: number;
  readonly onProgress: (done: number, tokens: number) => void;
  readonly shouldStop: () => boolean;
}

/**
 * Samples completions of test prompts `firstPrompt` up to `firstPrompt + count`, scores them and makes rows
 * of them, prompt by prompt. A row is a pure function of the weights, the seed and its place, so that it does
 * not matter which prompts are done together. Undefined where the user asked to stop.
 */
export async function sampleRows(
  policy: DecoderModel,
  critic: Critic | undefined,
  task: Task,
  config: Config<'evaluate'>,
  count: number,
  { runId, firstPrompt, onProgress, shouldStop }: SampleRowsOptions,
): Promise<EvalRow[] | undefined> {
  const prompts = task.test.slice(firstPrompt, firstPrompt + count);
  const samples = config.eval.samples_per_prompt;
  const marks = { granularity: config.reward.granularity, intervalTokens: config.reward.interval_tokens };
  const generated = await generate(
    policy,
    prompts.map(({ promptIds }, p) => ({ promptIds, samples, firstSampleId: (firstPrompt + p) * samples })),
    {
      maxNewTokens: task.maxCompletionTokens,
      settings: { temperature: config.sampling.temperature, topK: 0, topP: 1, minP: 0 },
      seed: config.run.seed,
      stream: STREAMS.testRollout,
      stopIds: task.endIds,
      onProgress: (done, _, tokens) => onProgress(done, tokens),
      shouldStop,
    },
  );
  if (generated.length < prompts.length * samples) return undefined;
  const records = generated.map(({ request, sample, ids, logps }): TraceRecord => {
    const record = policyRecord(task, prompts[request]!, ids, marks, { round: 0, index: sample });
    record.logp = logps;
    return record;
  });
  const { temperature, clip } = config.reward;
  await critic?.score(task, records, config.eval.micro_batch_tokens, { temperature, clip });
  return records.map((record, i) =>
    rowOfRecord(record, {
      runId,
      prompt: [{ role: 'user', content: prompts[Math.floor(i / samples)]!.text }],
      generationIdx: i % samples,
    }),
  );
}
