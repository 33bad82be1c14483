import type { Critic, CriticKind, CriticPooling, Shaping } from '@dawngrad/airl';
import { CRITIC_FILE, type CriticFile, type CriticTraining, HEAD_FILE, readCriticFile } from '@dawngrad/airl/node';
import type { LoraOptions, OpenModel, WantedFormat } from '@dawngrad/models';
import { type Device, ToolError } from '@dawngrad/tensor';
import type { Progress } from '../ui/progress.ts';
import { criticOf } from './critic-of.ts';
import { loadModel } from './load-model.ts';
import type { Source } from './open-source.ts';
import { firstDifference, vocabularyHash } from './vocabulary-hash.ts';

/** How a critic that is loaded is to be trained on. */
export interface CriticWork extends CriticTraining {
  readonly lora: LoraOptions | undefined;
  readonly kind: CriticKind;
  readonly pooling: CriticPooling;
  /** Of kind `shaped`. */
  readonly shaping: Shaping;
}

export interface LoadCriticOptions {
  /** The policy's model: a critic reads the policy's ids, so both must have the same tokens. */
  readonly policy: OpenModel;
  readonly maxPositions: number;
  /** How a frozen base is kept on the device. */
  readonly format: WantedFormat;
  /** Null where the critic is to be read only. */
  readonly training: CriticWork | null;
  readonly progress: Pick<Progress, 'step' | 'note' | 'close'>;
}

/**
 * Refuses a critic that cannot be loaded for what it is wanted for, before anything is made or written. Throws ToolError
 * 'config' or 'corrupt'.
 */
export async function checkCritic(
  { model: source, folder }: Source,
  { policy, training }: Pick<LoadCriticOptions, 'policy' | 'training'>,
): Promise<CriticFile | undefined> {
  const hasHead = (await source.files.list()).includes(HEAD_FILE);
  if (!hasHead && training === null) {
    throw new ToolError('config', {
      op: folder,
      expected: `a trained critic, with ${HEAD_FILE}`,
      got: 'a model without it',
      hint: 'name the run of `train irl`, or one of its checkpoints.',
    });
  }
  const file = await readCriticFile(source.files);
  checkTokens(folder, source, policy, file);
  if (training !== null && hasHead) checkTraining(folder, file, training);
  return file;
}

/**
 * A critic from a folder in Hugging Face layout. To be trained it may be any model with the policy's tokens, whose
 * reward then starts at zero, or a critic that was trained in the same way; to be read only it must have been
 * trained. Throws ToolError 'config' or 'corrupt'.
 */
export async function loadCritic(device: Device, from: Source, options: LoadCriticOptions): Promise<Critic> {
  const { maxPositions, format, training, progress } = options;
  const { model: source } = from;
  const file = await checkCritic(from, options);
  const isTrained = (await source.files.list()).includes(HEAD_FILE);
  const trainable = training !== null && training.lora === undefined;
  const model = await loadModel(device, source, { trainable, maxPositions, format }, progress);
  if (training?.lora !== undefined && model.adapters === undefined) {
    try {
      model.attachAdapters(training.lora);
    } catch (error) {
      model.dispose();
      throw error;
    }
  }
  return criticOf(model, source.files, { ...file, ...training, isTrained });
}

/** Ids are made once, with the policy's tokenizer: a critic for which one of them is another token would read noise. */
function checkTokens(folder: string, source: OpenModel, policy: OpenModel, file: CriticFile | undefined): void {
  const id = firstDifference(source.tokenizer, policy.tokenizer);
  const token = ({ tokenizer }: OpenModel): string =>
    id === undefined ? '' : JSON.stringify(tokenizer.tokenOf(id) ?? 'no token');
  if (id !== undefined) {
    throw new ToolError('config', {
      op: folder,
      expected: `a critic with the policy's tokenizer, in which id ${id} is ${token(policy)}`,
      got: `one in which it is ${token(source)}`,
      hint: 'critic and policy may be of different families, and must have the same tokenizer.',
    });
  }
  checkVocabulary(folder, file, policy);
}

/** Refuses a critic whose file names another tokenizer than the policy's. */
export function checkVocabulary(folder: string, file: CriticFile | undefined, policy: OpenModel): void {
  if (file?.tokenizer === undefined || file.tokenizer === vocabularyHash(policy.tokenizer)) return;
  throw new ToolError('config', {
    op: folder,
    expected: "a critic that was trained with the policy's tokenizer",
    got: `one of the tokenizer ${file.tokenizer.slice(0, 12)}... (${CRITIC_FILE})`,
  });
}

/**
 * A critic is trained on in the way that it was: its numbers mean something only there. Throws ToolError 'config'.
 *
 * @param file what the folder says of its critic
 */
export function checkTraining(folder: string, file: CriticFile | undefined, training: CriticWork): void {
  // Critics of older versions are plain, of the loss bce, read at the last token of a segment, and do not say where they were read.
  const held = { kind: 'plain', loss: 'bce', pooling: 'last', ...file };
  const pairs: [string, string | number | undefined, string | number | undefined][] = [
    ['critic.kind', training.kind, held.kind],
    ['critic.loss', training.loss, held.loss],
    ['critic.pooling', training.pooling, held.pooling],
    ['reward.granularity', training.granularity, file?.granularity ?? training.granularity],
  ];
  if (training.granularity === 'interval') {
    pairs.push(['reward.interval_tokens', training.intervalTokens, file?.intervalTokens ?? training.intervalTokens]);
  }
  if (training.kind === 'shaped' && file?.shaping !== undefined) {
    const { gamma, clamp } = training.shaping;
    pairs.push(['critic.shaping.gamma', gamma, file.shaping.gamma]);
    pairs.push(['critic.shaping.clamp', clamp ?? 'null', file.shaping.clamp ?? 'null']);
  }
  const wrong = pairs.filter(([, wanted, found]) => wanted !== found);
  if (wrong.length === 0) return;
  throw new ToolError('config', {
    op: folder,
    expected: `a critic trained with ${wrong.map(([key, wanted]) => `${key}=${wanted}`).join(', ')}`,
    got: `one trained with ${wrong.map(([key, , found]) => `${key}=${found}`).join(', ')}`,
    hint: `set ${wrong.map(([key, , found]) => `${key}=${found}`).join(' ')} to train it on, or start from a model.`,
  });
}
