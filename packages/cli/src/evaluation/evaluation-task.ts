import { createTextTask, type Example, type TextCodec, type TextTask } from '@dawngrad/airl';
import type { Config } from '../config/schema.ts';
import { rowChecker } from '../run/row-checker.ts';

/** The rows of an evaluation as test prompts; targets are not looked at. */
export function evaluationTask(
  { data, run }: Config<'evaluate'>,
  codec: TextCodec,
  examples: readonly Example[],
): TextTask {
  return createTextTask({
    name: data.format,
    demonstrations: [],
    unlabelled: [],
    dev: [],
    test: examples,
    codec,
    limits: { maxPromptTokens: data.max_prompt_tokens, maxCompletionTokens: data.max_completion_tokens },
    overlong: data.overlong,
    checker: rowChecker(data),
    noSystem: data.no_system,
    corruptions: [],
    seed: run.seed,
  });
}
