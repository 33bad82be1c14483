import { join } from 'node:path';
import { Critic } from '@dawngrad/airl';
import { CRITIC_FOLDER, HEAD_FILE, readCriticFile } from '@dawngrad/airl/node';
import { DecoderModel, SafetensorsFile, ScalarHead } from '@dawngrad/models';
import { openModelDirectory, openModelFiles } from '@dawngrad/models/node';
import type { Device } from '@dawngrad/tensor';
import type { FinishedPart } from './part.ts';

/** In the folder of a training part: the policy, with its critic in a folder inside where it has one. */
export const MODEL_FOLDER = 'model';

/** The policy of a training part; to be disposed. */
export async function loadPolicy(
  device: Device,
  { folder }: Pick<FinishedPart, 'folder'>,
  options: { readonly trainable: boolean } = { trainable: false },
): Promise<DecoderModel> {
  return DecoderModel.load(device, await openModelDirectory(join(folder, MODEL_FOLDER)), options);
}

/** The critic of a part that trained one; to be disposed. */
export async function loadCritic(device: Device, { folder }: Pick<FinishedPart, 'folder'>): Promise<Critic> {
  const critic = join(folder, MODEL_FOLDER, CRITIC_FOLDER);
  const model = await DecoderModel.load(device, await openModelDirectory(critic), { trainable: false });
  const head = new ScalarHead(device, model.config.hiddenSize);
  try {
    const files = await openModelFiles(critic);
    const weights = await SafetensorsFile.open(await files.open(HEAD_FILE));
    for (const name of head.parameters.names) head.parameters.set(name, await weights.readF32(name));
    return new Critic(model, head, (await readCriticFile(files))?.pooling);
  } catch (error) {
    model.dispose();
    head.dispose();
    throw error;
  }
}
