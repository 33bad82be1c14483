import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { ModelFiles } from '../io/byte-source.ts';
import { type OpenModel, openModel } from '../io/open-model.ts';
import { type ModelContents, modelSize, writeModel } from '../io/write-model.ts';
import { type AdapterContents, adapterSize, writeAdapter } from '../peft/write-adapter.ts';
import { type WriteDirectoryOptions, writeDirectory } from './atomic-directory.ts';
import type { Manifest } from './manifest.ts';
import { openModelFiles } from './model-files.ts';

export interface OpenModelDirectoryOptions {
  /** For an adapter: the directory of its base, whatever its configuration says. */
  readonly base?: string;
  /**
   * For an adapter without `base`, where its configuration names no directory here: finds the base by that name, a
   * hub id, and gives its directory.
   */
  readonly resolveBase?: (name: string, revision: string | undefined) => Promise<string>;
}

/** Opens a model directory on disk, or that of an adapter with its base; see `openModel`. A missing directory: 'config'. */
export async function openModelDirectory(path: string, options: OpenModelDirectoryOptions = {}): Promise<OpenModel> {
  const openBase = async (name: string, revision: string | undefined): Promise<ModelFiles> =>
    openModelFiles(await baseDirectory(path, name, revision, options));
  return openModel(await openModelFiles(path), { openBase });
}

/** The directory of an adapter's base; see `OpenModelDirectoryOptions`. Not found: ToolError 'config'. */
export async function baseDirectory(
  adapter: string,
  name: string,
  revision: string | undefined,
  { base, resolveBase }: OpenModelDirectoryOptions,
): Promise<string> {
  if (base !== undefined) return base;
  // PEFT writes the path as it was given, so a relative one counts from where it was run; an adapter may also have
  // been moved together with its base.
  if (name !== '') {
    for (const candidate of [resolve(name), resolve(adapter, name)]) if (await isDirectory(candidate)) return candidate;
    if (resolveBase !== undefined) return resolveBase(name, revision);
  }
  throw new ToolError('config', {
    op: adapter,
    expected: "the directory of the adapter's base model",
    got: name === '' ? 'an adapter that names none' : `${JSON.stringify(name)}, which is none`,
    hint: 'Name the base with --model, or in adapter_config.json as base_model_name_or_path.',
  });
}

/** Saves a model as a directory that appears complete or not at all; see `writeDirectory`. */
export async function saveModelDirectory(
  path: string,
  contents: ModelContents,
  options: Omit<WriteDirectoryOptions, 'expectedBytes'> = {},
): Promise<Manifest> {
  return writeDirectory(path, { ...options, expectedBytes: modelSize(contents) }, (sink) => writeModel(sink, contents));
}

/** Saves an adapter in PEFT's layout as a directory that appears complete or not at all. */
export async function saveAdapterDirectory(
  path: string,
  contents: AdapterContents,
  options: Omit<WriteDirectoryOptions, 'expectedBytes'> = {},
): Promise<Manifest> {
  const expectedBytes = adapterSize(contents);
  return writeDirectory(path, { ...options, expectedBytes }, (sink) => writeAdapter(sink, contents));
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
