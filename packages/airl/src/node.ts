/** The part of the package that reads and writes files. */
export {
  type DirectoryCheckpointsOptions,
  directoryCheckpoints,
  type GrowingFiles,
} from './checkpoint/directory-checkpoints.ts';
export { CRITIC_FOLDER, type FileOffsets, HEAD_FILE } from './checkpoint/layout.ts';
export {
  type BaseName,
  type BaseNames,
  type SaveTrainingStateOptions,
  saveTrainingState,
} from './checkpoint/save-training-state.ts';
export { readLines } from './node/read-lines.ts';
