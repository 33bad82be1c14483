import type { AdamwState } from '@dawngrad/autograd';
import {
  adapterSize,
  type DecoderModel,
  type DirectorySink,
  modelSize,
  type SideFiles,
  safetensorsSize,
  type TensorSource,
  writeAdapter,
  writeModel,
  writeSafetensors,
} from '@dawngrad/models';
import { type FileSystem, saveCheckpoint } from '@dawngrad/models/node';
import type { TraceRecord } from '../record.ts';
import { recordToJson } from '../record-json.ts';
import type { TrainingState } from '../train/training-state.ts';
import { CRITIC_FILE, criticFileOf } from './critic-file.ts';
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
import { parameterSources } from './parameter-sources.ts';

const BASE_FILES: readonly string[] = ['config.json', 'generation_config.json'];

/** What a saved adapter says its base is: a folder or an id on the hub. */
export interface BaseName {
  readonly name: string;
  readonly revision?: string;
}

/** The base of the policy and that of the critic. */
export interface BaseNames {
  readonly policy: BaseName;
  readonly critic: BaseName;
}

export interface SaveTrainingStateOptions {
  /** Folder of all checkpoints of a run. */
  readonly folder: string;
  /** How many of the newest stay, beside the best. */
  readonly keep: number;
  /** Copied into the model directories byte for byte: the files beside the weights of the model that is trained. */
  readonly sideFiles: SideFiles;
  /** The frozen models that adapters are for, as their own files are to name them. */
  readonly bases?: BaseNames;
  /** SHA-256 of the tokens by id, which a saved critic names. */
  readonly tokenizerHash?: string | undefined;
  /** Sizes of the run's growing files, to go back to on a resume. */
  readonly offsets: FileOffsets;
  /** Whether this is the best step so far. */
  readonly isBest: boolean;
  /** Whether the critic's warm-up ends with it and it is to stay for other runs. */
  readonly isWarmup?: boolean;
  /** Name of the checkpoint that the run went on from to this one; the manifest says so. */
  readonly parent?: string;
  /** Hash of the run's configuration, for the manifest. */
  readonly configHash?: string;
  readonly fileSystem?: FileSystem;
}

/** Saves all that a run goes on from, atomically, under the name of its step. Returns the checkpoint's path. */
export async function saveTrainingState(state: TrainingState, options: SaveTrainingStateOptions): Promise<string> {
  const { folder, keep, sideFiles, bases, offsets, isBest, isWarmup = false, parent, configHash, fileSystem } = options;
  const { method, policy, critic, best, counters } = state;
  const moments: TensorSource[] = [];
  const steps: Record<string, number> = {};
  for (const [name, optimizer] of optimizersOf(state)) {
    const held = await optimizer.state();
    steps[name] = held.step;
    moments.push(...momentSources(name, held));
  }
  const parts = Object.fromEntries(Object.entries(state.parts ?? {}).map(([name, part]) => [name, part.state()]));
  const stateJson: StateJson = { schema: 1, method, counters, optimizers: steps, offsets, parts };
  const models = [savedModel('', policy, bases?.policy, sideFiles)];
  if (critic !== undefined) models.push(savedModel(`${CRITIC_FOLDER}/`, critic.model, bases?.critic, sideFiles));
  const training = new Map<string, TensorSource[]>([[MOMENTS_FILE, moments]]);
  if (best !== undefined) training.set(BEST_FILE, parameterSources(best));
  const replay = new Map<string, Uint8Array>();
  if (state.replay !== undefined) {
    for (const [side, name] of Object.entries(REPLAY_FILES)) {
      replay.set(name, recordLines(state.replay.state[side as keyof typeof REPLAY_FILES]));
    }
  }
  const expectedBytes =
    models.reduce((total, { bytes }) => total + bytes, 0) +
    [...training.values()].reduce((total, tensors) => total + safetensorsSize(tensors), 0) +
    [...replay.values()].reduce((total, bytes) => total + bytes.byteLength, 0) +
    (1 << 16);

  const extra = {
    method,
    step: counters.step,
    ...(parent === undefined ? {} : { parent }),
    ...(configHash === undefined ? {} : { configHash }),
    ...(isWarmup ? { isWarmup } : {}),
  };
  return saveCheckpoint(
    { folder, step: counters.step, keep, isBest, isWarmup, expectedBytes, extra, ...(fileSystem && { fileSystem }) },
    async (directory) => {
      for (const { write } of models) await write(directory);
      if (critic !== undefined) {
        const head = parameterSources(critic.head.parameters);
        await directory.writeFile(`${CRITIC_FOLDER}/${HEAD_FILE}`, (sink) => writeSafetensors(sink, head));
        if (state.criticTraining !== undefined) {
          const file = criticFileOf(critic, state.criticTraining, options.tokenizerHash);
          const text = new TextEncoder().encode(`${JSON.stringify(file, null, 2)}\n`);
          await directory.writeFile(`${CRITIC_FOLDER}/${CRITIC_FILE}`, (sink) => sink.write(text));
        }
      }
      const own = within(directory, `${TRAINING_FOLDER}/`);
      for (const [name, tensors] of training) {
        await own.writeFile(name, (sink) => writeSafetensors(sink, tensors));
      }
      for (const [name, bytes] of replay) await own.writeFile(name, (sink) => sink.write(bytes));
      const json = new TextEncoder().encode(`${JSON.stringify(stateJson, null, 2)}\n`);
      await own.writeFile(STATE_FILE, (sink) => sink.write(json));
    },
  );
}

interface SavedModel {
  readonly bytes: number;
  readonly write: (directory: DirectorySink) => Promise<void>;
}

/** A model to be written as it is trained: its adapters, or all of its weights. */
function savedModel(prefix: string, model: DecoderModel, base: BaseName | undefined, sideFiles: SideFiles): SavedModel {
  const { adapters, config } = model;
  if (adapters === undefined) {
    const contents = { config, tensors: parameterSources(model.base), sideFiles };
    return { bytes: modelSize(contents), write: (directory) => writeModel(within(directory, prefix), contents) };
  }
  const named = base && { baseModel: base.name, ...(base.revision && { revision: base.revision }) };
  // The base's own files say what the base is: an adapter has those of its tokenizer only.
  const contents = {
    config: { ...adapters.options, ...named },
    tensors: parameterSources(adapters.parameters),
    sideFiles: new Map([...sideFiles].filter(([name]) => !BASE_FILES.includes(name))),
  };
  return { bytes: adapterSize(contents), write: (directory) => writeAdapter(within(directory, prefix), contents) };
}

/** The optimisers of a run, by the names that their moments are saved under. */
export function optimizersOf({ optimizer, criticOptimizer }: TrainingState): [string, TrainingState['optimizer']][] {
  return criticOptimizer === undefined
    ? [['policy', optimizer]]
    : [
        ['policy', optimizer],
        ['critic', criticOptimizer],
      ];
}

/** The names of an optimiser's moments: one tensor an arena. */
export function momentName(optimizer: string, moment: 'first' | 'second', arena: number): string {
  return `${optimizer}.${moment}.${arena}`;
}

function momentSources(optimizer: string, state: AdamwState): TensorSource[] {
  return (['first', 'second'] as const).flatMap((moment) =>
    state[moment].map((values, arena) => ({
      name: momentName(optimizer, moment, arena),
      shape: [values.length],
      read: async () => values,
    })),
  );
}

function recordLines(records: readonly TraceRecord[]): Uint8Array {
  // Scores are of their round alone; a replay does not read them.
  const lines = records.map(({ logp, refLogp, critic, advantage, ...record }) => {
    return `${JSON.stringify(recordToJson(record))}\n`;
  });
  return new TextEncoder().encode(lines.join(''));
}

function within(directory: DirectorySink, prefix: string): DirectorySink {
  return { writeFile: (name, fill) => directory.writeFile(`${prefix}${name}`, fill) };
}
