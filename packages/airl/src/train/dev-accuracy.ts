import type { DecoderModel } from '@dawngrad/models';
import { STREAMS } from '../data/streams.ts';
import type { MetricRow } from '../metrics/names.ts';
import { rollout } from '../rollout/rollout.ts';
import type { Task } from '../task/task.ts';
import type { PhaseClock } from './phase-clock.ts';
import { completionTokens } from './round-log.ts';

export interface DevOptions {
  /** Steps from one evaluation to the next; the first and the last are always evaluated. */
  readonly everySteps: number;
  /** Dev prompts in an evaluation, at most. */
  readonly prompts: number;
  readonly samplesPerPrompt: number;
  readonly temperature: number;
}

/** Whether step `step` of `total` is to be evaluated. */
export function isDevStep(step: number, total: number, options: DevOptions | undefined): options is DevOptions {
  return options !== undefined && (step === 0 || step === total || step % options.everySteps === 0);
}

/** pass@1 on dev prompts by sampling, a phase of its own; empty where the task has no dev prompts. */
export async function devAccuracy(
  policy: DecoderModel,
  task: Task,
  options: DevOptions,
  at: { readonly seed: number; readonly step: number },
  clock: PhaseClock,
): Promise<MetricRow> {
  const prompts = task.dev.slice(0, options.prompts);
  if (prompts.length === 0) return {};
  const records = await clock.during('eval', () =>
    rollout(policy, task, prompts, {
      samplesPerPrompt: options.samplesPerPrompt,
      temperature: options.temperature,
      seed: at.seed,
      stream: STREAMS.devRollout,
      round: at.step,
      marks: { granularity: 'sparse' },
      onProgress: clock.onProgress,
    }),
  );
  clock.count('eval', completionTokens(records));
  const correct = records.filter((record) => record.correct).length;
  return { 'eval/accuracy': correct / records.length, 'eval/n': records.length };
}
