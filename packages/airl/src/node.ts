/** The part of the package that reads and writes files. */
export { CRITIC_FILE, type CriticFile, type CriticTraining, readCriticFile } from './checkpoint/critic-file.ts';
export {
  type DirectoryCheckpointsOptions,
  directoryCheckpoints,
  type GrowingFiles,
} from './checkpoint/directory-checkpoints.ts';
export { CRITIC_FOLDER, type FileOffsets, HEAD_FILE } from './checkpoint/layout.ts';
export { loadStoredCritic } from './checkpoint/load-training-state.ts';
export {
  type BaseName,
  type BaseNames,
  type SaveTrainingStateOptions,
  saveTrainingState,
} from './checkpoint/save-training-state.ts';
export { type LoadExamplesOptions, type LoadedExamples, loadExamples } from './node/load-examples.ts';
export { type DatasetFileResolver, type LocateOptions, locateData } from './node/locate-data.ts';
export { readLines } from './node/read-lines.ts';
export { readRows } from './node/read-rows.ts';
