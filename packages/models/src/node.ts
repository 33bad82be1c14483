export {
  type WriteDirectoryOptions,
  writeDirectory,
  writeFileAtomically,
} from './node/atomic-directory.ts';
export {
  type FoundCheckpoint,
  findNewestCheckpoint,
  keepLast,
  type PointerName,
  type RejectedCheckpoint,
  readPointer,
  stepName,
  sweepStale,
  writePointer,
} from './node/checkpoint-folder.ts';
export { diskFileSystem, type FileHandleLike, type FileSystem } from './node/file-system.ts';
export { downloadDatasetFile } from './node/hub/download-dataset-file.ts';
export { downloadModel, type HubModel } from './node/hub/download-model.ts';
export { type HubRepo, isHubUrl, parseHubRepo } from './node/hub/hub-repo.ts';
export type { HubOptions, HubProgress } from './node/hub/hub-session.ts';
export { describeFsError } from './node/io-error.ts';
export {
  type DirectoryCheck,
  type DirectoryFault,
  type Manifest,
  type ManifestFile,
  verifyDirectory,
} from './node/manifest.ts';
export {
  baseDirectory,
  type OpenModelDirectoryOptions,
  openModelDirectory,
  saveAdapterDirectory,
  saveModelDirectory,
} from './node/model-directory.ts';
export { openModelFiles } from './node/model-files.ts';
export { type SaveCheckpointOptions, saveCheckpoint } from './node/save-checkpoint.ts';
