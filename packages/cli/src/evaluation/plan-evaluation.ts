import type { Example, TextCodec, TextTask } from '@dawngrad/airl';
import { BEST_OF_SIZES, type EvalRow } from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import type { Config } from '../config/schema.ts';
import { modelCodec } from '../run/model-codec.ts';
import { criticFolder, modelFolder, weightFiles } from '../run/model-folder.ts';
import { openSource, type Source } from '../run/open-source.ts';
import { readExamples } from '../run/read-examples.ts';
import { resolvingFor } from '../run/resolve-model.ts';
import { rowChecker } from '../run/row-checker.ts';
import type { RunInput } from '../run/run-inputs.ts';
import { EVALUATION_MODES, evaluationMode } from './evaluation-mode.ts';
import { evaluationTask } from './evaluation-task.ts';
import { findInput } from './find-input.ts';
import { collectionNotes, type GivenPrompt, joinWithData, readRowFile } from './given-rows.ts';
import { type GivenRecord, givenRecords } from './score-given.ts';

/** What an evaluation works on. */
export interface EvaluationPlan {
  readonly config: Config<'evaluate'>;
  readonly policy: Source | undefined;
  readonly critic: Source | undefined;
  readonly codec: TextCodec;
  readonly task: TextTask;
  readonly examples: ReadonlyMap<string, Example>;
  /** Undefined where completions are sampled. */
  readonly given: { readonly prompts: readonly GivenPrompt[]; readonly records: readonly GivenRecord[] } | undefined;
  readonly inputs: readonly RunInput[];
  readonly maxPositions: number;
  /** Rows of dev prompts to fit probabilities on. */
  readonly calibrationRows: readonly EvalRow[] | undefined;
  /** Best-of-N at these N. */
  readonly sizes: readonly number[];
  readonly notes: readonly string[];
}

/** Opens, joins and checks all inputs, without a device. Throws ToolError 'config' or 'corrupt'. */
export async function planEvaluation(
  config: Config<'evaluate'>,
  resume: boolean,
  context: CommandContext,
): Promise<EvaluationPlan> {
  const { data, eval: evaluation } = config;
  const resolving = resolvingFor(config.run, resume, context);
  const wantsCritic = evaluation.critic_scores ?? (config.critic.model !== null && modeOf(config).scores);
  if (wantsCritic && config.critic.model === null) {
    throw fault('eval.critic_scores=true', 'critic.model=<trained critic>', 'none');
  }
  if (needsPolicy(config) && config.policy.model === null) {
    throw fault('log-probabilities of given completions', 'policy.model=<model>', 'none');
  }
  if (!needsPolicy(config) && !wantsCritic) {
    throw fault(
      `eval.mode=${evaluation.mode}`,
      'something to compute: policy_log_probs, critic_scores or both',
      'neither',
      'dawngrad analyse <file> makes tables of rows as they are.',
    );
  }
  const policy =
    config.policy.model === null ? undefined : await openSource(config.policy.model, modelFolder, resolving('policy'));
  const critic = wantsCritic
    ? await openSource(config.critic.model as string, criticFolder, resolving('critic'))
    : undefined;
  const codec = modelCodec(((policy ?? critic) as Source).model);
  const loaded = data.path === null ? undefined : await readExamples(data, 'test', resolving('data'));
  const notes: string[] = [];
  const weights: RunInput[] = [
    ...(policy === undefined ? [] : [{ role: 'policy' as const, files: await weightFiles(policy.folder) }]),
    ...(critic === undefined ? [] : [{ role: 'critic' as const, files: await weightFiles(critic.folder) }]),
  ];
  const common = { config, policy, critic, codec, notes };
  if (modeOf(config).samples === 'sampled') {
    const examples = loaded!.examples;
    const task = evaluationTask(config, codec, examples);
    if (task.dropped > 0) notes.push(`${task.dropped} rows over the token limits are left out`);
    return {
      ...common,
      task,
      examples: new Map(examples.map((example) => [example.id, example])),
      given: undefined,
      calibrationRows: await calibrationRows(config, task),
      sizes: bestOfSizes(config, evaluation.samples_per_prompt),
      inputs: [{ role: 'data', files: loaded!.files }, ...weights],
      maxPositions: task.maxPromptTokens + task.maxCompletionTokens,
    };
  }
  const path = findInput(config);
  const { tolerate } = evaluation;
  const collection = await readRowFile(path, { tolerate });
  const joined = joinWithData(collection.rows, loaded?.examples, { tolerate, checker: rowChecker(data) });
  notes.push(...collectionNotes(collection, path), ...joined.notes);
  const task = evaluationTask(
    config,
    codec,
    joined.prompts.map(({ example }) => example),
  );
  if (task.dropped > 0) notes.push(`${task.dropped} prompts over data.max_prompt_tokens are left out`);
  const kept = new Set(task.test.map(({ id }) => id));
  const prompts = joined.prompts.filter(({ example }) => kept.has(example.id));
  const sizes = bestOfSizes(
    config,
    prompts.reduce((fewest, { rows }) => Math.min(fewest, rows.length), Number.POSITIVE_INFINITY),
  );
  const records = givenRecords(prompts, task, codec, config.reward);
  const encoded = records.filter(({ keepsIds }) => !keepsIds).length;
  if (encoded > 0) {
    notes.push(`${encoded} of ${records.length} completions have no ids of this tokenizer: their texts are encoded`);
  }
  return {
    ...common,
    task,
    examples: new Map(prompts.map(({ example }) => [example.id, example])),
    given: { prompts, records },
    calibrationRows: await calibrationRows(config, task),
    sizes,
    inputs: [{ role: 'data', files: [path, ...(loaded?.files ?? [])] }, ...weights],
    maxPositions: records.reduce(
      (most, { record }) => Math.max(most, record.promptIds.length + record.completionIds.length),
      1,
    ),
  };
}

/** What the mode of a configuration does. */
export function modeOf(config: Config<'evaluate'>): (typeof EVALUATION_MODES)[keyof typeof EVALUATION_MODES] {
  return EVALUATION_MODES[evaluationMode(config.eval.mode)];
}

/** Whether the policy is run at all. */
export function needsPolicy(config: Config<'evaluate'>): boolean {
  return modeOf(config).samples === 'sampled' || (config.eval.policy_log_probs ?? true);
}

/** The N of best-of-N. k and N above the samples that a prompt has are mistakes where the user asked for them. */
function bestOfSizes({ eval: evaluation }: Config<'evaluate'>, fewest: number): number[] {
  for (const key of ['ks', 'best_of'] as const) {
    const tooLarge = (evaluation[key] ?? []).filter((k) => k > fewest);
    if (tooLarge.length > 0) {
      throw fault(`eval.${key}`, `at most ${fewest}, the samples of a prompt`, tooLarge.join(', '));
    }
  }
  return evaluation.best_of ?? [...new Set([...BEST_OF_SIZES, fewest])];
}

async function calibrationRows(
  { eval: { calibration_rows: path, tolerate } }: Config<'evaluate'>,
  { test }: TextTask,
): Promise<readonly EvalRow[] | undefined> {
  if (path === null) return undefined;
  const { rows } = await readRowFile(path, { tolerate });
  const ids = new Set(test.map(({ id }) => id));
  const shared = rows.find((row) => ids.has(row.prompt_id));
  if (shared === undefined) return rows;
  throw fault(
    'eval.calibration_rows',
    'rows of other prompts than those evaluated',
    `prompt ${shared.prompt_id} of both`,
  );
}

function fault(op: string, expected: string, got: string, hint?: string): ToolError {
  return new ToolError('config', { op, expected, got, ...(hint === undefined ? {} : { hint }) });
}
