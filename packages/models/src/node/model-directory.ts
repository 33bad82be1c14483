import { type OpenModel, openModel } from '../io/open-model.ts';
import { type ModelContents, modelSize, writeModel } from '../io/write-model.ts';
import { type WriteDirectoryOptions, writeDirectory } from './atomic-directory.ts';
import type { Manifest } from './manifest.ts';
import { openModelFiles } from './model-files.ts';

/** Opens a model directory on disk; see `openModel`. A missing directory: ToolError 'config'. */
export async function openModelDirectory(path: string): Promise<OpenModel> {
  return openModel(await openModelFiles(path));
}

/** Saves a model as a directory that appears complete or not at all; see `writeDirectory`. */
export async function saveModelDirectory(
  path: string,
  contents: ModelContents,
  options: Omit<WriteDirectoryOptions, 'expectedBytes'> = {},
): Promise<Manifest> {
  return writeDirectory(path, { ...options, expectedBytes: modelSize(contents) }, (sink) => writeModel(sink, contents));
}
