import { basename, isAbsolute, join } from 'node:path';
import type { Critic, Example, TextCodec, TextTask } from '@dawngrad/airl';
import {
  BEST_OF_SIZES,
  type EvalRow,
  type EvaluationFile,
  type EvaluationSource,
  evaluationFile,
} from '@dawngrad/eval';
import type { DecoderModel } from '@dawngrad/models';
import { writeFileAtomically } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import type { Config } from '../config/schema.ts';
import { loadCritic } from '../run/load-critic.ts';
import { loadModel } from '../run/load-model.ts';
import { modelCodec } from '../run/model-codec.ts';
import { criticFolder, modelFolder, weightFiles } from '../run/model-folder.ts';
import { openSource, type Source } from '../run/open-source.ts';
import { positionNote } from '../run/position-note.ts';
import { readExamples } from '../run/read-examples.ts';
import { resolvingFor } from '../run/resolve-model.ts';
import { rowChecker } from '../run/row-checker.ts';
import type { RunInput } from '../run/run-inputs.ts';
import { type RunSession, runSession } from '../run/run-session.ts';
import { EVALUATION } from './evaluation-folder.ts';
import { EVALUATION_MODES, evaluationMode } from './evaluation-mode.ts';
import { evaluationTask } from './evaluation-task.ts';
import { evaluationText } from './evaluation-text.ts';
import { findInput } from './find-input.ts';
import { collectionNotes, type GivenPrompt, joinWithData, readRowFile } from './given-rows.ts';
import { granularityNote } from './granularity-note.ts';
import { type PlannedPrompt, RowFile } from './row-file.ts';
import { sampleRows } from './sample-rows.ts';
import { type GivenRecord, givenRecords, scoreGiven } from './score-given.ts';

export interface EvaluationRunOptions {
  readonly resume: boolean;
  /** Print evaluation.json instead of tables. */
  readonly json: boolean;
}

/** What an evaluation works on. */
interface EvaluationPlan {
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
  readonly notes: readonly string[];
}

/** `dawngrad evaluate`: rows and evaluation.json in the run directory, tables on the screen. */
export async function runEvaluation(
  config: Config<'evaluate'>,
  { resume, json }: EvaluationRunOptions,
  context: CommandContext,
): Promise<void> {
  const plan = await planEvaluation(config, resume, context);
  const { policy, critic, maxPositions } = plan;
  // Before any work: a file that cannot be read is found now.
  const fitRows = await calibrationRows(config);
  let file: EvaluationFile | undefined;
  const objective = evaluationObjective(plan);
  await runSession({ config, resume, inputs: plan.inputs, objective }, context, async (session) => {
    const { device, directory, progress } = session;
    const positions = policy === undefined ? undefined : positionNote(policy.model.config, maxPositions);
    const granularity = critic === undefined ? undefined : granularityNote(critic.folder, config.reward);
    for (const note of [positions, granularity, ...plan.notes.map((text) => `note: ${text}`)]) {
      if (note !== undefined) progress.note(note);
    }
    let policyModel: DecoderModel | undefined;
    let criticModel: Critic | undefined;
    try {
      if (policy !== undefined && needsPolicy(config)) {
        policyModel = await loadModel(
          device,
          policy.model,
          { trainable: false, maxPositions, format: config.policy.dtype },
          progress,
        );
      }
      if (critic !== undefined) {
        criticModel = await loadCritic(device, critic, {
          policy: (policy ?? critic).model,
          maxPositions,
          format: config.critic.dtype,
          training: null,
          progress,
        });
      }
      const sources = await evaluateAll(plan, { policy: policyModel, critic: criticModel }, session);
      if (sources === undefined) return;
      checkSizes(config, sources);
      file = evaluationFile(sources, {
        ...summaryOptions(config, sources),
        ...(fitRows === undefined ? {} : { calibrationRows: fitRows }),
        settings: settingsOf(plan),
        notes: plan.notes,
      });
    } finally {
      policyModel?.dispose();
      criticModel?.dispose();
    }
    const text = `${JSON.stringify(file, null, 2)}\n`;
    await writeFileAtomically(join(directory.path, EVALUATION), new TextEncoder().encode(text));
  });
  if (file === undefined) return;
  const { dir } = config.run;
  if (json) context.out(`${JSON.stringify(file, null, 2)}\n`);
  else {
    const rows = file.cells.map((cell) => `rows: ${join(dir, cell.rows)}\n`).join('');
    context.out(`\n${evaluationText(file)}${rows}numbers: ${join(dir, EVALUATION)}\n`);
  }
}

/** Opens and joins all inputs, without a device. */
async function planEvaluation(
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
    inputs: [{ role: 'data', files: [path, ...(loaded?.files ?? [])] }, ...weights],
    maxPositions: records.reduce(
      (most, { record }) => Math.max(most, record.promptIds.length + record.completionIds.length),
      1,
    ),
  };
}

interface LoadedModels {
  readonly policy: DecoderModel | undefined;
  readonly critic: Critic | undefined;
}

/** Does what is not done yet, at every temperature; undefined where the user asked to stop. */
async function evaluateAll(
  plan: EvaluationPlan,
  models: LoadedModels,
  session: RunSession,
): Promise<EvaluationSource[] | undefined> {
  const { config } = plan;
  const temperatures = plan.given === undefined ? (config.eval.temperatures ?? [config.sampling.temperature]) : [null];
  const sources: EvaluationSource[] = [];
  for (const temperature of temperatures) {
    const file = outputName(config, temperature);
    const rows = await evaluateCell(plan, models, session, file, temperature);
    if (rows === undefined) return undefined;
    sources.push({ name: temperature === null ? 'given' : `temperature ${temperature}`, temperature, file, rows });
  }
  return sources;
}

async function evaluateCell(
  plan: EvaluationPlan,
  { policy, critic }: LoadedModels,
  { directory, progress, stop }: RunSession,
  name: string,
  temperature: number | null,
): Promise<readonly EvalRow[] | undefined> {
  const { config, given, task } = plan;
  const planned: PlannedPrompt[] =
    given === undefined
      ? task.test.map(({ id }) => ({ id, samples: config.eval.samples_per_prompt }))
      : given.prompts.map(({ example, rows }) => ({ id: example.id, samples: rows.length }));
  const firstRows = [0];
  for (const { samples } of planned) firstRows.push(firstRows.at(-1)! + samples);
  const most = planned.reduce((largest, { samples }) => Math.max(largest, samples), 1);
  const promptsAtOnce = Math.max(1, Math.floor(config.eval.batch / most));
  using file = await RowFile.open(join(directory.path, name), planned, promptsAtOnce);
  if (file.prompts > 0) progress.note(`${file.prompts} of ${planned.length} prompts are done already`);
  const total = firstRows.at(-1)!;
  const startMs = performance.now();
  let tokens = 0;
  for (let first = file.prompts; first < planned.length; first += promptsAtOnce) {
    const count = Math.min(promptsAtOnce, planned.length - first);
    const show = (done: number, made: number): void => {
      const perSecond = (tokens + made) / ((performance.now() - startMs) / 1000);
      progress.step('eval', firstRows[first]! + done, total, { 'perf/tokens_per_second': perSecond });
    };
    let batchTokens = 0;
    let rows: EvalRow[] | undefined;
    if (given === undefined) {
      rows = await sampleRows({ ...plan, policy: policy as DecoderModel, critic }, config, {
        runId: basename(directory.path),
        temperature: temperature ?? config.sampling.temperature,
        firstPrompt: first,
        count,
        onProgress: (done, made) => {
          batchTokens = made;
          show(done, made);
        },
        shouldStop: () => stop.isRequested,
      });
    } else if (!stop.isRequested) {
      const batch = given.records.slice(firstRows[first], firstRows[first + count]);
      rows = await scoreGiven({ policy, critic, task }, batch, config);
      batchTokens = batch.reduce((sum, { record }) => sum + record.completionIds.length, 0);
      show(batch.length, batchTokens);
    }
    if (rows === undefined) return undefined;
    tokens += batchTokens;
    file.append(rows);
  }
  return file.rows;
}

function modeOf(config: Config<'evaluate'>): (typeof EVALUATION_MODES)[keyof typeof EVALUATION_MODES] {
  return EVALUATION_MODES[evaluationMode(config.eval.mode)];
}

function needsPolicy(config: Config<'evaluate'>): boolean {
  return modeOf(config).samples === 'sampled' || (config.eval.policy_log_probs ?? true);
}

/** The file of rows, with the temperature in its name where several are sampled at: `_t0p5`, as published. */
function outputName(
  { eval: { mode, output, temperatures }, data }: Config<'evaluate'>,
  temperature: number | null,
): string {
  const name = output ?? EVALUATION_MODES[evaluationMode(mode)].output.replace('<name>', data.format);
  if (isAbsolute(name) || name.includes('..')) throw fault('eval.output', 'the name of a file in run.dir', name);
  if (temperatures === null || temperature === null) return name;
  const suffix = `_t${String(temperature).replace('.', 'p')}`;
  return name.endsWith('.jsonl') ? `${name.slice(0, -'.jsonl'.length)}${suffix}.jsonl` : `${name}${suffix}`;
}

/** k and N above the samples that a prompt has are mistakes where the user asked for them. */
function checkSizes({ eval: evaluation }: Config<'evaluate'>, sources: readonly EvaluationSource[]): void {
  const fewest = fewestSamples(sources);
  for (const key of ['ks', 'best_of'] as const) {
    const tooLarge = (evaluation[key] ?? []).filter((k) => k > fewest);
    if (tooLarge.length > 0)
      throw fault(`eval.${key}`, `at most ${fewest}, the samples of a prompt`, tooLarge.join(', '));
  }
}

function fewestSamples(sources: readonly EvaluationSource[]): number {
  const counts = new Map<string, number>();
  for (const { name, rows } of sources) {
    for (const row of rows) counts.set(`${name} ${row.prompt_id}`, (counts.get(`${name} ${row.prompt_id}`) ?? 0) + 1);
  }
  return [...counts.values()].reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
}

function summaryOptions({ eval: evaluation, run }: Config<'evaluate'>, sources: readonly EvaluationSource[]) {
  const { ks, best_of, best_of_rule, selector, resamples } = evaluation;
  return {
    resamples,
    seed: run.seed,
    selector,
    rule: best_of_rule,
    sizes: best_of ?? [...new Set([...BEST_OF_SIZES, fewestSamples(sources)])],
    ...(ks === null ? {} : { ks }),
  };
}

async function calibrationRows({ eval: { calibration_rows, tolerate } }: Config<'evaluate'>) {
  return calibration_rows === null ? undefined : (await readRowFile(calibration_rows, { tolerate })).rows;
}

function settingsOf({ config, critic }: EvaluationPlan): EvaluationFile['settings'] {
  const { data, policy, reward, run, sampling } = config;
  return {
    mode: evaluationMode(config.eval.mode),
    checker: rowChecker(data),
    policy: policy.model,
    critic: critic === undefined ? null : config.critic.model,
    granularity: critic === undefined ? null : reward.granularity,
    data: data.path,
    topP: modeOf(config).samples === 'sampled' ? sampling.top_p : null,
    seed: run.seed,
  };
}

/** What decides the numbers, to be printed first. */
function evaluationObjective({ config, critic, given }: EvaluationPlan): string {
  const { eval: evaluation, sampling, reward, data, run } = config;
  const { samples_per_prompt, temperatures } = evaluation;
  const completions =
    given === undefined
      ? `${samples_per_prompt} samples a prompt at temperature ${(temperatures ?? [sampling.temperature]).join(', ')}` +
        (sampling.top_p < 1 ? `, top-p ${sampling.top_p}` : '')
      : `${given.records.length} given completions of ${given.prompts.length} prompts`;
  const scored = critic === undefined ? 'no critic' : `critic read at: ${reward.granularity}`;
  return `evaluation: ${completions}, ${rowChecker(data)} checker, ${scored}; seed ${run.seed}`;
}

function fault(op: string, expected: string, got: string, hint?: string): ToolError {
  return new ToolError('config', { op, expected, got, ...(hint === undefined ? {} : { hint }) });
}
