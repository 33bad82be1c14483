import {
  type Critic,
  type Example,
  type GuidedCost,
  policyRecord,
  STREAMS,
  type Task,
  type TextCodec,
  type TraceRecord,
} from '@dawngrad/airl';
import { type EvalRow, rowOfRecord } from '@dawngrad/eval';
import { type DecoderModel, type GeneratedSample, generate } from '@dawngrad/models';
import type { Config } from '../config/schema.ts';
import { guidedCompletions } from '../guided/guided-completions.ts';
import { rowChecker } from '../run/row-checker.ts';
import { promptMessages } from './prompt-messages.ts';
import { formatRewards, markChoice, scoreRecords } from './score-records.ts';

/** What completions are made with. */
export interface SampleModels {
  readonly policy: DecoderModel;
  readonly critic: Critic | undefined;
  readonly task: Task;
  readonly codec: TextCodec;
  /** The row behind each prompt, by its id. */
  readonly examples: ReadonlyMap<string, Example>;
}

export interface SampleRowsOptions {
  readonly runId: string;
  readonly temperature: number;
  /** Place of the first prompt among all prompts of the evaluation. */
  readonly firstPrompt: number;
  readonly count: number;
  readonly onProgress: (done: number, tokens: number) => void;
  readonly shouldStop: () => boolean;
  /** Of guided decoding: the tokens that the samples of a prompt took. */
  readonly onCost?: (promptId: string, cost: GuidedCost) => void;
}

/**
 * Samples completions of test prompts `firstPrompt` up to `firstPrompt + count`, scores them and makes rows
 * of them, prompt by prompt. A row is a pure function of the weights, the seed and its place, so that it does
 * not matter which prompts are done together. Undefined where the user asked to stop.
 */
export async function sampleRows(
  models: SampleModels,
  config: Config<'evaluate'>,
  options: SampleRowsOptions,
): Promise<EvalRow[] | undefined> {
  const { critic, task, codec, examples } = models;
  const { runId, firstPrompt, count } = options;
  const prompts = task.test.slice(firstPrompt, firstPrompt + count);
  const samples = config.eval.samples_per_prompt;
  const generated = await generateCompletions(models, config, options);
  if (generated.length < prompts.length * samples) return undefined;
  const records = generated.map(({ request, sample, ids, logps }): TraceRecord => {
    const record = policyRecord(task, prompts[request]!, ids, markChoice(config.reward), { round: 0, index: sample });
    record.logp = logps;
    return record;
  });
  if (critic !== undefined) await scoreRecords(critic, task, records, config);
  return records.map((record, i) => {
    const example = examples.get(record.promptId)!;
    if (config.eval.policy_log_probs === false) delete record.logp;
    return rowOfRecord(record, {
      runId,
      prompt: promptMessages(example, codec, config.data.no_system),
      generationIdx: i % samples,
      checker: rowChecker(config.data),
      ...(example.category === undefined ? {} : { category: example.category }),
      rewards: formatRewards(record.text),
    });
  });
}

/** The completions of a batch of prompts, by prompt and sample; fewer than asked for where the user asked to stop. */
function generateCompletions(
  { policy, critic, task }: SampleModels,
  { eval: { samples_per_prompt: samples }, sampling, run, guidance, reward }: Config<'evaluate'>,
  { temperature, firstPrompt, count, onProgress, shouldStop, onCost }: SampleRowsOptions,
): Promise<GeneratedSample[]> {
  const prompts = task.test.slice(firstPrompt, firstPrompt + count);
  const requests = prompts.map(({ promptIds }, p) => ({
    promptIds,
    samples,
    firstSampleId: (firstPrompt + p) * samples,
  }));
  const options = {
    maxNewTokens: task.maxCompletionTokens,
    settings: { temperature, topK: 0, topP: sampling.top_p, minP: 0 },
    seed: run.seed,
    stream: STREAMS.testRollout,
    stopIds: task.endIds,
    onProgress: (done: number, _: number, tokens: number) => onProgress(done, tokens),
    shouldStop,
  };
  if (guidance.method === 'none') return generate(policy, requests, options);
  const { criticPromptIds } = task;
  return guidedCompletions({ policy, critic, criticPromptIds }, requests, options, { guidance, reward }, (p, cost) =>
    onCost?.(prompts[p]!.id, cost),
  );
}
