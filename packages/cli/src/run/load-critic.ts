import { Critic } from '@dawngrad/airl';
import { HEAD_FILE } from '@dawngrad/airl/node';
import { type LoraOptions, type OpenModel, SafetensorsFile, ScalarHead, type WantedFormat } from '@dawngrad/models';
import { type Device, ToolError } from '@dawngrad/tensor';
import type { Progress } from '../ui/progress.ts';
import { loadModel } from './load-model.ts';
import type { Source } from './open-source.ts';

export interface LoadCriticOptions {
  /** The policy's model: a critic reads the policy's ids, so both must have the same tokens. */
  readonly policy: OpenModel;
  readonly maxPositions: number;
  /** How a frozen base is kept on the device. */
  readonly format: WantedFormat;
  /** Null where the critic is to be read only. */
  readonly training: { readonly lora: LoraOptions | undefined } | null;
  readonly progress: Pick<Progress, 'step' | 'note' | 'close'>;
}

/**
 * A critic from a folder in Hugging Face layout. To be trained it may be any model, whose reward then starts at
 * zero; to be read only it must have been trained. Throws ToolError 'config' or 'corrupt'.
 */
export async function loadCritic(
  device: Device,
  { model: source, folder }: Source,
  options: LoadCriticOptions,
): Promise<Critic> {
  const { policy, maxPositions, format, training, progress } = options;
  if (source.tokenizer.vocabSize !== policy.tokenizer.vocabSize) {
    throw new ToolError('config', {
      op: folder,
      expected: `a critic with the policy's ${policy.tokenizer.vocabSize} tokens`,
      got: `${source.tokenizer.vocabSize}`,
    });
  }
  const names = await source.files.list();
  const hasHead = names.includes(HEAD_FILE);
  if (!hasHead && training === null) {
    throw new ToolError('config', {
      op: folder,
      expected: `a trained critic, with ${HEAD_FILE}`,
      got: 'a model without it',
      hint: 'name the run of `train irl`, or one of its checkpoints.',
    });
  }
  const trainable = training !== null && training.lora === undefined;
  const model = await loadModel(device, source, { trainable, maxPositions, format }, progress);
  const head = new ScalarHead(device, source.config.hiddenSize);
  try {
    if (training?.lora !== undefined && model.adapters === undefined) model.attachAdapters(training.lora);
    if (hasHead) {
      const file = await SafetensorsFile.open(await source.files.open(HEAD_FILE));
      for (const name of head.parameters.names) head.parameters.set(name, await file.readF32(name));
    }
    return new Critic(model, head);
  } catch (error) {
    model.dispose();
    head.dispose();
    throw error;
  }
}
