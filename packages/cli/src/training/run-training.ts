import {
  longestTeacherPrompt,
  type RunContext,
  type TextTask,
  type TrainingResult,
  trainGrpo,
  trainIrl,
  trainOpsd,
  trainSft,
} from '@dawngrad/airl';
import { type BaseNames, directoryCheckpoints } from '@dawngrad/airl/node';
import { type DecoderModel, type OpenModel, readSideFiles } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { fieldsOf } from '../config/fields.ts';
import { objectiveText } from '../config/objective-text.ts';
import type { ChangeRules } from '../run/config-changes.ts';
import { loadModel } from '../run/load-model.ts';
import { criticFolder, modelFolder, weightFiles } from '../run/model-folder.ts';
import { openSource, type Source } from '../run/open-source.ts';
import { positionNote } from '../run/position-note.ts';
import { readExamples } from '../run/read-examples.ts';
import { resolvingFor } from '../run/resolve-model.ts';
import { RunDirectory } from '../run/run-directory.ts';
import { hooked, type RunHooks } from '../run/run-hooks.ts';
import type { RunInput } from '../run/run-inputs.ts';
import { type RunSession, runSession } from '../run/run-session.ts';
import { vocabularyHash } from '../run/vocabulary-hash.ts';
import { warmupFolder } from '../run/warmup-folder.ts';
import type { RunEnd } from '../sinks/metric-sink.ts';
import type { MetricSinks } from '../sinks/metric-sinks.ts';
import { checkSinks, openSinks } from '../sinks/open-sinks.ts';
import { checkCriticStart, startingCritic, storedCritic } from './starting-critic.ts';
import { grpoOptions, irlOptions, loraOptions, opsdOptions, sftOptions } from './trainer-options.ts';
import { type Training, trainingTask } from './training-task.ts';

/** What the command line says of a start, beside the configuration. */
interface TrainingStart {
  /** Go on with the run in run.dir, which must be there. */
  readonly resume: boolean;
  /** Go on from an older checkpoint where newer ones are damaged. */
  readonly acceptFallback: boolean;
  /** Seconds after SIGTERM in which the run saves and ends. */
  readonly graceS: number;
}

/** `dawngrad train`: a run directory with metrics, samples and checkpoints that are models to go on with. */
export async function runTraining(training: Training, start: TrainingStart, context: CommandContext): Promise<void> {
  const { config } = training;
  const { dir, resume: mode } = config.run;
  const resume = start.resume || mode === 'must' || (mode === 'auto' && RunDirectory.holdsRun(dir));
  checkSinks(config.run, process.env);
  // `resolveConfig` asks for both.
  const resolving = resolvingFor(config.run, resume, context);
  const policySource = await openSource(config.policy.model as string, modelFolder, resolving('policy'));
  const criticSource =
    training.kind === 'irl' && training.config.critic.model !== null
      ? await openSource(training.config.critic.model, criticFolder, resolving('critic'))
      : undefined;
  const load = training.kind === 'irl' ? training.config.warmup : undefined;
  const warmupSource = load === undefined || load.load_from === null ? undefined : await warmupFolder(load.load_from);
  const source = policySource.model;
  for (const { model } of criticSource === undefined ? [policySource] : [policySource, criticSource])
    refuseWhole(model);
  checkRank(source, config.policy.lora.rank);
  if (training.kind === 'irl') await checkCriticStart(training.config, { source, criticSource, warmupSource });
  const rows = await readExamples(config.data, 'train', resolving('data'));
  const task = trainingTask(training, source, rows.examples);
  const inputs: RunInput[] = [
    { role: 'data', files: rows.files },
    { role: 'policy', files: await weightFiles(policySource.folder) },
    ...(criticSource === undefined ? [] : [{ role: 'critic' as const, files: await weightFiles(criticSource.folder) }]),
    ...(warmupSource === undefined ? [] : [{ role: 'warmup' as const, files: await weightFiles(warmupSource) }]),
  ];
  const { graceS, acceptFallback } = start;
  const settings = {
    config,
    resume,
    rules: changeRules(training.kind),
    graceS,
    inputs,
    objective: objectiveText(training),
  };
  await runSession(settings, context, async (session) => {
    const { device, directory, progress } = session;
    // A teacher reads the expert in its prompt; samples are as long as ever.
    const promptTokens = Math.max(task.maxPromptTokens, training.kind === 'opsd' ? longestTeacherPrompt(task) : 0);
    const maxPositions = promptTokens + task.maxCompletionTokens;
    const note = positionNote(source.config, maxPositions);
    if (note !== undefined) progress.note(note);
    if (task.dropped > 0) progress.note(`note: ${task.dropped} rows over the token limits are left out`);
    const lora = loraOptions(config.policy.lora, config.run.seed);
    const trainable = lora === undefined;
    const policy = await loadModel(device, source, { trainable, maxPositions, format: config.policy.dtype }, progress);
    policy.recomputesBlocks = config.train.gradient_checkpointing;
    const sinks = openSinks(config, {
      folder: directory.path,
      metricsPath: directory.metrics.path,
      note: (text) => progress.note(text),
      env: process.env,
    });
    let end: RunEnd = 'failed';
    try {
      // Where the model that is gone on from is an adapter, that one is trained.
      if (lora !== undefined && policy.adapters === undefined) policy.attachAdapters(lora);
      const bases = { policy: policySource.base, critic: (criticSource ?? policySource).base };
      const { hooks } = context;
      const tokenizerHash = training.kind === 'irl' ? vocabularyHash(source.tokenizer) : undefined;
      const trainer = await trainerContext(session, config, {
        ...{ source, bases, resume, acceptFallback, sinks, hooks, tokenizerHash },
        keepsWarmup: load?.keep === true,
      });
      const { status, step } = await train(training, {
        policy,
        task,
        context: trainer,
        source,
        criticSource,
        warmupSource,
        progress,
      });
      end = status;
      progress.close();
      const saved = `checkpoint: ${directory.checkpoints}`;
      progress.note(
        status === 'finished'
          ? `finished after step ${step}; ${saved}`
          : `stopped after step ${step}; go on with --resume`,
      );
    } finally {
      await sinks.close(end);
      policy.dispose();
    }
  });
}

/** An adapter goes on as it is: with its rank, and over a frozen base. */
function checkRank({ adapter }: OpenModel, rank: number): void {
  if (adapter === undefined || adapter.config.rank === rank) return;
  throw new ToolError('config', {
    op: 'policy.lora.rank',
    expected: `${adapter.config.rank}, that of the adapter which policy.model names`,
    got: rank === 0 ? '0, which trains all weights' : String(rank),
    hint: `set policy.lora.rank=${adapter.config.rank}, or merge the adapter into its base first: dawngrad merge.`,
  });
}

/** Modules that an adapter holds whole are frozen here, and a checkpoint of its factors alone would lose them. */
function refuseWhole({ adapter, files }: OpenModel): void {
  const [name] = adapter?.savedTensors.keys() ?? [];
  if (name === undefined) return;
  throw new ToolError('config', {
    op: files.label,
    expected: 'an adapter of low rank alone to go on from',
    got: `one that also holds ${name} whole`,
    hint: 'merge it into its base first: dawngrad merge.',
  });
}

interface TrainingWork {
  readonly policy: DecoderModel;
  readonly task: TextTask;
  readonly context: RunContext;
  /** The folder that the policy came from. */
  readonly source: OpenModel;
  readonly progress: RunSession['progress'];
  /** What the critic starts from; undefined where it starts as the policy does. */
  readonly criticSource: Source | undefined;
  /** The checkpoint whose critic then takes its place; undefined where none is loaded. */
  readonly warmupSource: string | undefined;
}

async function train(training: Training, work: TrainingWork): Promise<TrainingResult> {
  const { policy, task, context } = work;
  switch (training.kind) {
    case 'sft':
      return trainSft(policy, task, sftOptions(training.config, task), context);
    case 'grpo':
      return trainGrpo(policy, task, grpoOptions(training.config, task), context);
    case 'opsd':
      return trainOpsd(policy, task, opsdOptions(training.config, task), context);
    case 'irl': {
      const critic = await startingCritic(training.config, work);
      critic.model.recomputesBlocks = training.config.train.gradient_checkpointing;
      try {
        const loaded = storedCritic(training.config, work);
        return await trainIrl(policy, critic, task, irlOptions(training.config, task), { ...context, ...loaded });
      } finally {
        critic.dispose();
      }
    }
  }
}

/** Which settings may change from one start of a run to the next: those that their fields declare safe. */
function changeRules(kind: Training['kind']): ChangeRules {
  const fields = new Map(fieldsOf(kind).map((field) => [field.key, field]));
  return { isSafe: (key) => fields.get(key)?.safe === true, presetOf: (key) => fields.get(key)?.preset };
}

interface TrainerInputs extends Pick<TrainingStart, 'resume' | 'acceptFallback'> {
  readonly source: OpenModel;
  readonly bases: BaseNames;
  readonly sinks: MetricSinks;
  readonly hooks: RunHooks | undefined;
  /** Where a critic is trained, whose checkpoints name it. */
  readonly tokenizerHash: string | undefined;
  readonly keepsWarmup: boolean;
}

/** What a trainer sees of the run: checkpoints are saved beside the metrics, and agree with them on a resume. */
async function trainerContext(
  { directory, progress, stop, save }: RunSession,
  { train }: Training['config'],
  { source, bases, resume, acceptFallback, sinks, hooks, tokenizerHash, keepsWarmup }: TrainerInputs,
): Promise<RunContext> {
  const context: RunContext = {
    reporter: progress,
    metrics: (row) => {
      directory.metrics.append(row);
      sinks.row(row);
    },
    samples: (row) => directory.samples.append(row),
    shouldStop: () => stop.isRequested,
    shouldAbandonRound: () => stop.isRequested,
    shouldSave: () => save.take(),
    onSpike: train.on_spike,
    nowMs: () => performance.now(),
    checkpoints: directoryCheckpoints({
      folder: directory.checkpoints,
      keep: train.keep_checkpoints,
      everySteps: train.checkpoint_every_steps,
      savesBest: train.save_best,
      keepsWarmup,
      sideFiles: await readSideFiles(source.files),
      bases,
      ...(tokenizerHash === undefined ? {} : { tokenizerHash }),
      resume,
      acceptFallback,
      note: (text) => progress.note(text),
      files: {
        offsets: () => directory.offsets(),
        truncate: (offsets) => {
          directory.truncate(offsets);
          sinks.truncated();
        },
      },
      configHash: directory.configHash,
      ...(hooks?.fileSystem === undefined ? {} : { fileSystem: hooks.fileSystem }),
    }),
  };
  return hooked(context, hooks);
}
