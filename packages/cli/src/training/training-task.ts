import {
  checkExperts,
  corruptExperts,
  createTextTask,
  cutDev,
  type Example,
  permutation,
  STREAMS,
  type TextEditName,
  type TextTask,
} from '@dawngrad/airl';
import type { OpenModel } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import type { Config } from '../config/schema.ts';
import { modelCodec } from '../run/model-codec.ts';
import { rowChecker } from '../run/row-checker.ts';

export type Training =
  | { readonly kind: 'sft'; readonly config: Config<'sft'> }
  | { readonly kind: 'grpo'; readonly config: Config<'grpo'> }
  | { readonly kind: 'irl'; readonly config: Config<'irl'> }
  | { readonly kind: 'opsd'; readonly config: Config<'opsd'> };

/** The rows of a training configuration as a task, tokenised for the model. */
export function trainingTask(training: Training, model: OpenModel, examples: readonly Example[]): TextTask {
  const { data, run } = training.config;
  const { train, dev } = cutDev(examples, data.dev_fraction, run.seed);
  if (train.length === 0) {
    throw new ToolError('config', {
      op: 'data.dev_fraction',
      expected: 'rows left to train on',
      got: `${dev.length} of ${dev.length} rows kept for evaluation`,
    });
  }
  return createTextTask({
    name: data.format,
    ...splitTraining(training, withExpertErrors(training, train)),
    dev,
    test: [],
    codec: modelCodec(model),
    limits: { maxPromptTokens: data.max_prompt_tokens, maxCompletionTokens: data.max_completion_tokens },
    overlong: data.overlong,
    checker: rowChecker(data),
    noSystem: data.no_system,
    corruptions:
      training.kind === 'irl' && training.config.negatives.per_expert > 0 ? training.config.negatives.functions : [],
    seed: run.seed,
  });
}

/** What makes experts wrong under `data.expert_error_rate`: the edits of the published ablation. */
const EXPERT_ERRORS: readonly TextEditName[] = [
  'flip_operator_in_one_step',
  'corrupt_answer_nearby_number',
  'corrupt_numbers',
];

function withExpertErrors(training: Training, train: readonly Example[]): readonly Example[] {
  if (training.kind === 'grpo' || training.config.data.expert_error_rate === 0) return train;
  const { data, run } = training.config;
  return corruptExperts(train, { rate: data.expert_error_rate, functions: EXPERT_ERRORS, seed: run.seed }).examples;
}

/** Which rows show their target. An outcome reward needs none, so that rows without a target train as well. */
function splitTraining(
  training: Training,
  train: readonly Example[],
): { demonstrations: readonly Example[]; unlabelled: readonly Example[] } {
  if (training.kind === 'sft') return { demonstrations: train, unlabelled: [] };
  if (training.kind === 'grpo') return { demonstrations: [], unlabelled: train };
  if (training.kind === 'opsd') return { demonstrations: shownToTeacher(train, training.config.data), unlabelled: [] };
  const { data, run } = training.config;
  const targeted = train.filter(({ target }) => target !== undefined);
  const withTarget = targeted.length === 0 ? [] : checkExperts(targeted, data.bad_rows).experts;
  const count = data.demonstrations ?? withTarget.length;
  if (withTarget.length === 0 || count > withTarget.length) {
    throw new ToolError('config', {
      op: 'data.demonstrations',
      expected: `${count === 0 ? 'at least one' : count} training rows with a target`,
      got: `${withTarget.length}`,
    });
  }
  const order = permutation(run.seed, STREAMS.demonstrations, 0, withTarget.length);
  const demonstrations = Array.from(order.slice(0, count), (i) => withTarget[i]!);
  const shown = new Set(demonstrations);
  return { demonstrations, unlabelled: train.filter((example) => !shown.has(example)) };
}

/** Rows that a teacher can be shown the expert of: all, unless rows without are to be left out. */
function shownToTeacher(train: readonly Example[], data: Config<'opsd'>['data']): readonly Example[] {
  const targeted = train.filter(({ target }) => target !== undefined);
  if (targeted.length > 0 && (targeted.length === train.length || data.bad_rows === 'drop')) return targeted;
  throw new ToolError('config', {
    op: data.path ?? 'data.path',
    expected: 'a target in every row, which the teacher is shown',
    got: `${train.length - targeted.length} of ${train.length} training rows without one`,
    hint:
      targeted.length === 0
        ? 'take data with expert traces, such as a _kd format.'
        : 'set data.bad_rows=drop to leave them out.',
  });
}
