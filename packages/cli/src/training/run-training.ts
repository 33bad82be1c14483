import {
  Critic,
  type RunContext,
  type TextTask,
  type TrainingResult,
  trainGrpo,
  trainIrl,
  trainSft,
} from '@dawngrad/airl';
import { directoryCheckpoints } from '@dawngrad/airl/node';
import { type DecoderModel, type OpenModel, readTokenizerFiles } from '@dawngrad/models';
import { openModelDirectory } from '@dawngrad/models/node';
import type { CommandContext } from '../commands/command-context.ts';
import { objectiveText } from '../config/objective-text.ts';
import type { Config } from '../config/schema.ts';
import { loadCritic } from '../run/load-critic.ts';
import { loadModel } from '../run/load-model.ts';
import { criticFolder, modelFolder, weightFiles } from '../run/model-folder.ts';
import { positionNote } from '../run/position-note.ts';
import type { RunInput } from '../run/run-inputs.ts';
import { type RunSession, runSession } from '../run/run-session.ts';
import { grpoOptions, irlOptions, loraOptions, sftOptions } from './trainer-options.ts';
import { type Training, trainingTask } from './training-task.ts';

/** `dawngrad train`: a run directory with metrics, samples and checkpoints that are models to go on with. */
export async function runTraining(training: Training, resume: boolean, context: CommandContext): Promise<void> {
  const { config } = training;
  // `resolveConfig` asks for both.
  const folder = await modelFolder(config.policy.model as string);
  const criticSource =
    training.kind === 'irl' && training.config.critic.model !== null
      ? await criticFolder(training.config.critic.model)
      : undefined;
  const source = await openModelDirectory(folder);
  const task = trainingTask(training, source);
  const inputs: RunInput[] = [
    { role: 'data', files: [config.data.path as string] },
    { role: 'policy', files: await weightFiles(folder) },
    ...(criticSource === undefined ? [] : [{ role: 'critic' as const, files: await weightFiles(criticSource) }]),
  ];
  await runSession({ config, resume, inputs, objective: objectiveText(training) }, context, async (session) => {
    const { device, directory, progress } = session;
    const maxPositions = task.maxPromptTokens + task.maxCompletionTokens;
    const note = positionNote(source.config, maxPositions);
    if (note !== undefined) progress.note(note);
    if (task.dropped > 0) progress.note(`note: ${task.dropped} rows over the token limits are left out`);
    const lora = loraOptions(config.policy.lora, config.run.seed);
    const trainable = lora === undefined;
    const policy = await loadModel(device, source, { trainable, maxPositions, format: config.policy.dtype }, progress);
    policy.recomputesBlocks = config.train.gradient_checkpointing;
    try {
      if (lora !== undefined) policy.attachAdapters(lora);
      const trainer = await trainerContext(session, config, source, resume);
      const { status, step } = await train(training, {
        policy,
        task,
        context: trainer,
        source,
        criticSource,
        progress,
      });
      progress.close();
      const saved = `checkpoint: ${directory.checkpoints}`;
      progress.note(
        status === 'finished'
          ? `finished after step ${step}; ${saved}`
          : `stopped after step ${step}; go on with --resume`,
      );
    } finally {
      policy.dispose();
    }
  });
}

interface TrainingWork {
  readonly policy: DecoderModel;
  readonly task: TextTask;
  readonly context: RunContext;
  /** The folder that the policy came from. */
  readonly source: OpenModel;
  readonly progress: RunSession['progress'];
  /** The critic's folder; undefined where it starts as the policy does. */
  readonly criticSource: string | undefined;
}

async function train(training: Training, work: TrainingWork): Promise<TrainingResult> {
  const { policy, task, context } = work;
  switch (training.kind) {
    case 'sft':
      return trainSft(policy, task, sftOptions(training.config, task), context);
    case 'grpo':
      return trainGrpo(policy, task, grpoOptions(training.config, task), context);
    case 'irl': {
      const critic = await startingCritic(training.config, work);
      critic.model.recomputesBlocks = training.config.train.gradient_checkpointing;
      try {
        return await trainIrl(policy, critic, task, irlOptions(training.config, task), context);
      } finally {
        critic.dispose();
      }
    }
  }
}

/** The critic that a configuration names or, where it names none, one that starts as the policy does. */
async function startingCritic(
  { critic, run }: Config<'irl'>,
  { policy, source, criticSource, progress }: TrainingWork,
): Promise<Critic> {
  const lora = loraOptions(critic.lora, run.seed);
  if (criticSource === undefined) return Critic.copyOf(policy, lora);
  return loadCritic(policy.device, criticSource, {
    policy: source,
    maxPositions: policy.maxPositions,
    format: critic.dtype,
    training: { lora },
    progress,
  });
}

/** What a trainer sees of the run: checkpoints are saved beside the metrics, and agree with them on a resume. */
async function trainerContext(
  { directory, progress, stop }: RunSession,
  { train }: Training['config'],
  source: OpenModel,
  resume: boolean,
): Promise<RunContext> {
  return {
    reporter: progress,
    metrics: (row) => directory.metrics.append(row),
    samples: (row) => directory.samples.append(row),
    shouldStop: () => stop.isRequested,
    nowMs: () => performance.now(),
    checkpoints: directoryCheckpoints({
      folder: directory.checkpoints,
      keep: train.keep_checkpoints,
      everySteps: train.checkpoint_every_steps,
      tokenizerFiles: await readTokenizerFiles(source.files),
      resume,
      files: directory,
    }),
  };
}
