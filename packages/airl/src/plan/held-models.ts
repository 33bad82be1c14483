import type { Adamw, Parameters } from '@dawngrad/autograd';
import { DecoderModel, LoraAdapters } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import { Critic } from '../critic/critic.ts';
import { createCriticOptimizer } from '../critic/critic-optimizer.ts';
import { ShapedHead } from '../critic/shaped-head.ts';
import { createOptimizer } from '../train/optim-options.ts';
import { copyParameters } from '../train/parameter-copy.ts';
import { createReference, type ReferencePolicy } from '../train/reference-policy.ts';
import { teacherPromptTokens } from './longest-task.ts';
import type { MemoryParts } from './memory-parts.ts';
import type { PlannedCritic, PlannedModel, PlannedRun } from './planned-run.ts';

/** What stays on the device through the run. */
export interface HeldModels {
  readonly policy: DecoderModel;
  readonly optimizer: Adamw | undefined;
  readonly reference: ReferencePolicy | undefined;
  readonly critic: Critic | undefined;
  readonly criticOptimizer: Adamw | undefined;
  /** Bytes of what is trained, and of the moments of its optimisers: what a checkpoint holds. */
  readonly trainedBytes: number;
  readonly momentBytes: number;
}

/** Makes the models and optimisers of a run, as its trainer does, on a device that only counts. */
export async function holdModels(device: Device, run: PlannedRun, parts: MemoryParts): Promise<HeldModels> {
  const { work, policy: planned } = run;
  const isTrained = work.kind !== 'evaluate';
  const policy = await parts.hold(modelPart, () => blankModel(device, run, planned, isTrained));
  const critic = await parts.hold(
    () => 'critic',
    () => blankCritic(device, run, policy),
  );
  if (!isTrained) {
    const nothing = { optimizer: undefined, reference: undefined, criticOptimizer: undefined };
    return { policy, critic, ...nothing, trainedBytes: 0, momentBytes: 0 };
  }
  const { options } = work;
  const weights = policy.trainableParameters();
  const reference =
    work.kind === 'opsd' || (work.kind !== 'sft' && work.options.klBeta > 0)
      ? await parts.hold(
          () => 'reference',
          () => createReference(policy),
        )
      : undefined;
  const optimizer = await parts.hold(
    () => 'optimizer',
    () => createOptimizer(weights, options.optim),
  );
  let momentBytes = parts.held('optimizer');
  let trainedBytes = bytesOf(weights);
  if (work.kind === 'sft' && work.options.keepBest && work.options.dev !== undefined) {
    await parts.hold(
      () => 'best weights',
      () => copyParameters(weights, 'airl/sft/best'),
    );
    trainedBytes *= 2;
  }
  let criticOptimizer: Adamw | undefined;
  if (critic !== undefined && work.kind === 'irl') {
    for (const parameters of critic.parameters()) trainedBytes += bytesOf(parameters);
    // A critic that never learns has no optimiser.
    if (work.options.critic.freeze !== true) {
      const before = parts.held('critic');
      criticOptimizer = await parts.hold(
        () => 'critic',
        () => createCriticOptimizer(critic, work.options.critic),
      );
      momentBytes += parts.held('critic') - before;
    }
  }
  return { policy, optimizer, reference, critic, criticOptimizer, trainedBytes, momentBytes };
}

function blankModel(
  device: Device,
  { work, limits, recomputesBlocks }: PlannedRun,
  { config, stored, format, lora }: PlannedModel,
  isTrained: boolean,
): DecoderModel {
  const promptTokens = work.kind === 'opsd' ? teacherPromptTokens(limits) : limits.maxPromptTokens;
  const model = DecoderModel.blank(device, config, {
    stored,
    format,
    trainable: isTrained && lora === undefined,
    maxPositions: promptTokens + limits.maxCompletionTokens,
    adapters: isTrained ? lora : undefined,
  });
  model.recomputesBlocks = recomputesBlocks;
  return model;
}

/** As `Critic.copyOf` and `loadCritic` make it, without its numbers. */
function blankCritic(device: Device, run: PlannedRun, policy: DecoderModel): Critic | undefined {
  const { work } = run;
  if (!('critic' in work) || work.critic === undefined) return undefined;
  const critic: PlannedCritic = work.critic;
  const { shaping, pooling } = work.kind === 'irl' ? work : {};
  const withHead = (model: DecoderModel): Critic =>
    new Critic(model, shaping && new ShapedHead(device, model.config.hiddenSize, shaping), pooling);
  if (!('start' in critic)) return withHead(blankModel(device, run, critic, work.kind === 'irl'));
  const { lora } = critic;
  if (lora === undefined || policy.weights.parameters?.isTrainable === true) {
    const { config } = policy;
    return withHead(blankModel(device, run, { config, stored: 'f32', format: 'f32', lora }, true));
  }
  const model = policy.shareWeights();
  model.recomputesBlocks = run.recomputesBlocks;
  model.adapters = new LoraAdapters(device, model.linears(), lora, { isInitialised: false });
  return withHead(model);
}

function modelPart(label: string): 'weights' | 'adapters' | 'gradients' {
  if (label.endsWith('/gradients')) return 'gradients';
  return label.startsWith('models/lora/') ? 'adapters' : 'weights';
}

function bytesOf(parameters: Parameters): number {
  return 4 * parameters.count;
}
