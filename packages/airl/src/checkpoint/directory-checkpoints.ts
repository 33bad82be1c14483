import { basename, join } from 'node:path';
import type { SideFiles } from '@dawngrad/models';
import {
  diskFileSystem,
  type FileSystem,
  type FoundCheckpoint,
  findNewestCheckpoint,
  type PointerName,
  type RejectedCheckpoint,
  readPointer,
  stepName,
  sweepStale,
  writePointer,
} from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import type { Checkpoints } from '../train/run-context.ts';
import type { RestoredState, TrainingState } from '../train/training-state.ts';
import type { FileOffsets } from './layout.ts';
import { loadTrainingState } from './load-training-state.ts';
import { type BaseNames, saveTrainingState } from './save-training-state.ts';

/** The files of a run that only grow. */
export interface GrowingFiles {
  /** Their sizes now, in bytes; what they hold is on the disk when this returns. */
  offsets(): FileOffsets;
  /** Goes back to earlier sizes. */
  truncate(offsets: FileOffsets): void;
}

export interface DirectoryCheckpointsOptions {
  /** Folder of all checkpoints of a run; made where there is none. */
  readonly folder: string;
  /** How many of the newest stay, beside the best. */
  readonly keep: number;
  readonly everySteps: number;
  /** Whether a step with a new best accuracy on dev rows is saved too; true unless said. */
  readonly savesBest?: boolean;
  readonly sideFiles: SideFiles;
  /** The frozen models that adapters are for. */
  readonly bases?: BaseNames;
  /** SHA-256 of the tokens by id, which a saved critic names. */
  readonly tokenizerHash?: string;
  /** Keeps the checkpoint at the end of a critic's warm-up for good; false unless said. */
  readonly keepsWarmup?: boolean;
  /** Go on from the newest checkpoint, or from the start where there is none. */
  readonly resume: boolean;
  /** Accept an older checkpoint where newer ones are damaged; those are set aside. */
  readonly acceptFallback?: boolean;
  /** Told of a checkpoint that was passed over. */
  readonly note?: (text: string) => void;
  /** Brought back to what they were at the checkpoint, so that steps done again are not there twice. */
  readonly files?: GrowingFiles;
  /** Hash of the run's configuration, for the manifests. */
  readonly configHash?: string;
  readonly fileSystem?: FileSystem;
}

/** Before the name of a damaged checkpoint that was passed over: it is no longer found, and can be looked at. */
const DAMAGED_PREFIX = 'damaged-';

/** Checkpoints in a folder: what trainers save to and restore from. */
export function directoryCheckpoints(options: DirectoryCheckpointsOptions): Checkpoints {
  const {
    folder,
    keep,
    everySteps,
    savesBest = true,
    sideFiles,
    bases,
    resume,
    acceptFallback = false,
    keepsWarmup = false,
  } = options;
  const { note, files, configHash, fileSystem = diskFileSystem } = options;
  /** The checkpoint that this process saved or restored last. */
  let parent: string | undefined;

  /** Puts the newest whole checkpoint back; undefined where there is none at all. */
  const load = async (state: TrainingState): Promise<RestoredState | undefined> => {
    const { found, rejected } = await findNewestCheckpoint(folder, fileSystem);
    if (rejected.length > 0) {
      if (found === undefined || !acceptFallback) throw damaged(folder, rejected, found?.name);
      for (const { name } of rejected) await setAside(name);
      note?.(`note: ${faultsText(rejected)}; set aside as ${DAMAGED_PREFIX}*, going on from ${found.name}`);
    }
    if (found === undefined) {
      files?.truncate({ metrics: 0, samples: 0 });
      return undefined;
    }
    const { offsets, ...restored } = await loadTrainingState(found.path, state);
    files?.truncate(offsets);
    await mendPointers(found, state.counters.bestStep);
    parent = found.name;
    return restored;
  };

  const setAside = async (name: string): Promise<void> => {
    const aside = join(folder, `${DAMAGED_PREFIX}${name}`);
    await fileSystem.remove(aside);
    await fileSystem.rename(join(folder, name), aside);
  };

  /** A process may have died between a checkpoint and the pointers to it; a fallback leaves them ahead. */
  const mendPointers = async ({ name, manifest }: FoundCheckpoint, bestStep: number | undefined): Promise<void> => {
    const point = async (pointer: PointerName): Promise<void> => {
      if ((await readPointer(folder, pointer, fileSystem)) === name) return;
      await writePointer(folder, pointer, name, fileSystem);
    };
    await point('latest');
    if (manifest.isWarmup === true) await point('warmup');
    const names = await fileSystem.list(folder);
    const pointed = await readPointer(folder, 'best', fileSystem);
    const best = bestStep === undefined || bestStep === 0 || !savesBest ? undefined : stepName(bestStep);
    if (best !== undefined && names.includes(best)) {
      if (pointed !== best) await writePointer(folder, 'best', best, fileSystem);
    } else if (pointed !== undefined && !names.includes(pointed)) {
      await fileSystem.remove(join(folder, 'best'));
    }
  };

  return {
    everySteps,
    savesBest,
    keepsWarmup,
    async save(state, { isBest, isWarmup = false }) {
      const offsets = files?.offsets() ?? { metrics: 0, samples: 0 };
      const path = await saveTrainingState(state, {
        folder,
        keep,
        sideFiles,
        ...(bases === undefined ? {} : { bases }),
        tokenizerHash: options.tokenizerHash,
        offsets,
        isBest,
        isWarmup: isWarmup && keepsWarmup,
        ...(parent === undefined ? {} : { parent }),
        ...(configHash === undefined ? {} : { configHash }),
        fileSystem,
      });
      parent = basename(path);
    },
    async restore(state) {
      await sweepStale(folder, fileSystem);
      return resume ? load(state) : undefined;
    },
    async goBack(state) {
      return parent === undefined ? undefined : load(state);
    },
  };
}

function damaged(folder: string, rejected: readonly RejectedCheckpoint[], whole: string | undefined): ToolError {
  return new ToolError('corrupt', {
    op: `checkpoint ${rejected[0]!.name}`,
    expected: 'files that agree with its manifest',
    got: faultsText(rejected),
    hint:
      whole === undefined
        ? `no checkpoint in ${folder} is whole; start a new run.`
        : `${whole} is whole: --accept-fallback sets ${rejected.map(({ name }) => name).join(', ')} aside and goes on from it.`,
  });
}

/** Each damaged checkpoint with the first thing that is wrong with it. */
function faultsText(rejected: readonly RejectedCheckpoint[]): string {
  return rejected
    .map(({ name, faults }) => {
      const [fault] = faults;
      const more = faults.length > 1 ? ` and ${faults.length - 1} more` : '';
      return `${name} damaged (${fault?.file}: ${fault?.problem}${more})`;
    })
    .join('; ');
}
