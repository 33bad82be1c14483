import { Critic, type CriticKind, type CriticPooling, ShapedHead, type Shaping } from '@dawngrad/airl';
import { HEAD_FILE } from '@dawngrad/airl/node';
import { type DecoderModel, type ModelFiles, SafetensorsFile, ScalarHead } from '@dawngrad/models';

/** What a critic is beside its weights; absent: a plain one, read at the last token of a segment. */
export interface CriticForm {
  readonly kind?: CriticKind;
  readonly pooling?: CriticPooling;
  /** Of kind `shaped`. */
  readonly shaping?: Shaping;
  /** Whether its head is in the folder; a new one's reward is zero. */
  readonly isTrained: boolean;
}

/**
 * The critic on the model of a folder, which owns it from now on. Disposes of the model where it throws: see
 * `SafetensorsFile` for a head that is damaged or not there.
 */
export async function criticOf(
  model: DecoderModel,
  files: ModelFiles,
  { kind, pooling, shaping, isTrained }: CriticForm,
): Promise<Critic> {
  const { device, config } = model;
  const { hiddenSize } = config;
  const head = kind === 'shaped' ? new ShapedHead(device, hiddenSize, shaping) : new ScalarHead(device, hiddenSize);
  try {
    if (isTrained) {
      const weights = await SafetensorsFile.open(await files.open(HEAD_FILE));
      for (const name of head.parameters.names) head.parameters.set(name, await weights.readF32(name));
    }
    return new Critic(model, head, pooling);
  } catch (error) {
    model.dispose();
    head.dispose();
    throw error;
  }
}
