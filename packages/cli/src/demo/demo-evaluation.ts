import { type Critic, rollout, STREAMS, type Task, type TraceRecord } from '@dawngrad/airl';
import { type EvalRow, rowOfRecord } from '@dawngrad/eval';
import type { DecoderModel } from '@dawngrad/models';
import type { DemoSettings } from './demo-settings.ts';

/** The samples of one policy on the test prompts. */
export interface EvaluatedSamples {
  readonly records: readonly TraceRecord[];
  readonly rows: readonly EvalRow[];
}

/** Samples completions of every test prompt and, with a critic, scores them. Test prompts are used here alone. */
export async function evaluatePolicy(
  name: string,
  policy: DecoderModel,
  task: Task,
  settings: DemoSettings,
  critic: Critic | undefined,
  onProgress: (done: number, total: number, tokens: number) => void,
): Promise<EvaluatedSamples> {
  const { samplesPerPrompt, temperature } = settings.evaluation;
  const { microBatchTokens } = settings.rounds;
  const records = await rollout(policy, task, task.test, {
    samplesPerPrompt,
    temperature,
    seed: settings.seed,
    stream: STREAMS.testRollout,
    round: 0,
    marks: settings.irl.reward,
    onProgress,
  });
  // The sampler's own log-probabilities are those of the training path to rounding; forced tokens count 0.
  if (critic !== undefined) await critic.score(task, records, microBatchTokens, settings.irl.reward);
  const rows = records.map((record, i) =>
    rowOfRecord(record, {
      runId: name,
      prompt: [{ role: 'user', content: task.test[Math.floor(i / samplesPerPrompt)]!.text }],
      generationIdx: i % samplesPerPrompt,
    }),
  );
  return { records, rows };
}
