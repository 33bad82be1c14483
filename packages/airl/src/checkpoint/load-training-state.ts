import { join } from 'node:path';
import type { Adamw } from '@dawngrad/autograd';
import {
  ADAPTER_FILE,
  type DecoderModel,
  type ModelFiles,
  PEFT_PREFIX,
  parseStrictJsonObject,
  SafetensorsFile,
  WeightIndex,
} from '@dawngrad/models';
import { openModelFiles, verifyDirectory } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import type { Critic } from '../critic/critic.ts';
import type { TraceRecord } from '../record.ts';
import { recordFromJson } from '../record-json.ts';
import type { CriticState } from '../train/run-context.ts';
import type { RestoredState, TrainingState } from '../train/training-state.ts';
import {
  BEST_FILE,
  CRITIC_FOLDER,
  type FileOffsets,
  HEAD_FILE,
  MOMENTS_FILE,
  REPLAY_FILES,
  STATE_FILE,
  type StateJson,
  TRAINING_FOLDER,
} from './layout.ts';
import { readParameters } from './parameter-sources.ts';
import { momentName, optimizersOf } from './save-training-state.ts';

const STATE_CAP_BYTES = 1 << 20;
const REPLAY_CAP_BYTES = 2 ** 31 - 1;

/**
 * Puts a checkpoint, whose files have been verified, back into the models, optimisers and counters of a
 * run. The models are those that the run started from: frozen weights are not saved. ToolError 'config'
 * where the checkpoint is of another method, 'corrupt' where it does not fit.
 */
export async function loadTrainingState(
  path: string,
  state: TrainingState,
): Promise<RestoredState & { readonly offsets: FileOffsets }> {
  const training = await openModelFiles(join(path, TRAINING_FOLDER));
  const open = async (name: string): Promise<SafetensorsFile> => SafetensorsFile.open(await training.open(name));
  const saved = await readState(training);
  if (saved.method !== state.method) {
    throw new ToolError('config', {
      op: path,
      expected: `a checkpoint of ${state.method}`,
      got: `one of ${saved.method}`,
    });
  }
  const { policy, critic, best } = state;
  await readModel(policy, await openModelFiles(path));
  if (critic !== undefined) await readCritic(critic, await openModelFiles(join(path, CRITIC_FOLDER)));
  if (best !== undefined) await readParameters(best, await open(BEST_FILE));

  const moments = await open(MOMENTS_FILE);
  for (const [name, optimizer] of optimizersOf(state)) await readMoments(optimizer, name, saved, moments);
  Object.assign(state.counters, saved.counters);
  for (const [name, part] of Object.entries(state.parts ?? {})) {
    const held = saved.parts?.[name];
    if (held === undefined) {
      throw new ToolError('corrupt', { op: STATE_FILE, expected: `the state of ${name}`, got: 'none' });
    }
    part.restore(held as never);
  }
  if (state.replay === undefined) return { offsets: saved.offsets };
  const replay = {
    positives: await readRecords(training, REPLAY_FILES.positives),
    negatives: await readRecords(training, REPLAY_FILES.negatives),
  };
  return { offsets: saved.offsets, replay };
}

/**
 * Puts the critic of a checkpoint of an R-AIRL run, whatever its step, in place of another one's trained weights, and
 * the state of its optimiser where one is given. ToolError 'config' where the folder is no such checkpoint, 'corrupt'
 * where its files are damaged or do not fit.
 */
export async function loadStoredCritic(path: string, { critic, optimizer }: CriticState): Promise<void> {
  const { manifest, faults } = await verifyDirectory(path);
  const [fault] = faults;
  if (manifest !== undefined && fault !== undefined) {
    const got = `${fault.file}: ${fault.problem}`;
    throw new ToolError('corrupt', { op: path, expected: 'files that agree with its manifest', got });
  }
  const saved = manifest === undefined ? undefined : await readState(await openModelFiles(join(path, TRAINING_FOLDER)));
  if (saved?.method !== 'irl') {
    throw new ToolError('config', {
      op: path,
      expected: 'a checkpoint of an R-AIRL run, with its critic',
      got: saved === undefined ? 'another folder' : `one of ${saved.method}`,
    });
  }
  await readCritic(critic, await openModelFiles(join(path, CRITIC_FOLDER)));
  if (optimizer === undefined) return;
  const training = await openModelFiles(join(path, TRAINING_FOLDER));
  await readMoments(optimizer, 'critic', saved, await SafetensorsFile.open(await training.open(MOMENTS_FILE)));
}

async function readState(training: ModelFiles): Promise<StateJson> {
  const text = await training.readText(STATE_FILE, STATE_CAP_BYTES);
  // The manifest's checksum vouches for the content; only the syntax is checked here.
  return parseStrictJsonObject(STATE_FILE, text, { maxDepth: 8, maxKeys: 1000 }) as unknown as StateJson;
}

async function readCritic(critic: Critic, files: ModelFiles): Promise<void> {
  await readModel(critic.model, files);
  await readParameters(critic.head.parameters, await SafetensorsFile.open(await files.open(HEAD_FILE)));
}

async function readMoments(
  optimizer: Adamw,
  name: string,
  { optimizers }: StateJson,
  moments: SafetensorsFile,
): Promise<void> {
  const arrays = async (moment: 'first' | 'second'): Promise<Float32Array[]> => {
    const found: Float32Array[] = [];
    for (let arena = 0; moments.tensors.has(momentName(name, moment, arena)); arena++) {
      found.push(await moments.readF32(momentName(name, moment, arena)));
    }
    return found;
  };
  const step = optimizers[name];
  if (step === undefined) {
    throw new ToolError('corrupt', { op: STATE_FILE, expected: `steps of the optimiser ${name}`, got: 'none' });
  }
  optimizer.restore({ step, first: await arrays('first'), second: await arrays('second') });
}

/** What is trained of a model: its adapters, or all of its weights. */
async function readModel({ adapters, weights }: DecoderModel, files: ModelFiles): Promise<void> {
  if (adapters === undefined) await readParameters(weights.parameters!, await WeightIndex.open(files));
  else {
    const file = await SafetensorsFile.open(await files.open(ADAPTER_FILE));
    await readParameters(adapters.parameters, file, PEFT_PREFIX);
  }
}

async function readRecords(training: ModelFiles, name: string): Promise<TraceRecord[]> {
  const text = await training.readText(name, REPLAY_CAP_BYTES);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => recordFromJson(JSON.parse(line)));
}
