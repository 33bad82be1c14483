import { join } from 'node:path';
import type { Critic } from '@dawngrad/airl';
import { CRITIC_FOLDER, readCriticFile } from '@dawngrad/airl/node';
import { DecoderModel } from '@dawngrad/models';
import { openModelDirectory, openModelFiles } from '@dawngrad/models/node';
import type { Device } from '@dawngrad/tensor';
import { criticOf } from '../run/critic-of.ts';
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
  const files = await openModelFiles(critic);
  const form = await readCriticFile(files);
  const model = await DecoderModel.load(device, await openModelDirectory(critic), { trainable: false });
  return criticOf(model, files, { ...form, isTrained: true });
}
