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
export {
  type DirectoryCheck,
  type DirectoryFault,
  type Manifest,
  type ManifestFile,
  verifyDirectory,
} from './node/manifest.ts';
export { openModelDirectory, saveModelDirectory } from './node/model-directory.ts';
export { openModelFiles } from './node/model-files.ts';
export { type SaveCheckpointOptions, saveCheckpoint } from './node/save-checkpoint.ts';
