import type { SideFiles } from '@dawngrad/models';
import { type FileSystem, findNewestCheckpoint, sweepStale } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import type { Checkpoints } from '../train/run-context.ts';
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
  readonly sideFiles: SideFiles;
  /** The frozen models that adapters are for. */
  readonly bases?: BaseNames;
  /** Go on from the newest checkpoint, or from the start where there is none. */
  readonly resume: boolean;
  /** Accept an older checkpoint where newer ones are damaged. */
  readonly acceptFallback?: boolean;
  /** Brought back to what they were at the checkpoint, so that steps done again are not there twice. */
  readonly files?: GrowingFiles;
  readonly fileSystem?: FileSystem;
}

/** Checkpoints in a folder: what trainers save to and restore from. */
export function directoryCheckpoints(options: DirectoryCheckpointsOptions): Checkpoints {
  const { folder, keep, everySteps, sideFiles, bases, resume, acceptFallback = false, files, fileSystem } = options;
  return {
    everySteps,
    async save(state, { isBest }) {
      const offsets = files?.offsets() ?? { metrics: 0, samples: 0 };
      await saveTrainingState(state, {
        folder,
        keep,
        sideFiles,
        ...(bases === undefined ? {} : { bases }),
        offsets,
        isBest,
        ...(fileSystem === undefined ? {} : { fileSystem }),
      });
    },
    async restore(state) {
      await sweepStale(folder, fileSystem);
      if (!resume) return undefined;
      const { found, rejected } = await findNewestCheckpoint(folder, fileSystem);
      if (rejected.length > 0 && !(acceptFallback && found !== undefined)) {
        const [newest] = rejected;
        const [fault] = newest!.faults;
        throw new ToolError('corrupt', {
          op: `checkpoint ${newest!.name}`,
          expected: 'files that agree with its manifest',
          got: `${fault?.file}: ${fault?.problem}`,
          hint:
            found === undefined
              ? 'no other checkpoint is whole; start a new run.'
              : `${found.name} is whole: remove ${rejected.map(({ name }) => name).join(', ')} to go on from it.`,
        });
      }
      if (found === undefined) {
        files?.truncate({ metrics: 0, samples: 0 });
        return undefined;
      }
      const { offsets, ...restored } = await loadTrainingState(found.path, state);
      files?.truncate(offsets);
      return restored;
    },
  };
}
