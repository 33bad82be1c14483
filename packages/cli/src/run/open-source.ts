import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { BaseName } from '@dawngrad/airl/node';
import type { OpenModel } from '@dawngrad/models';
import { openModelDirectory } from '@dawngrad/models/node';
import { modelFolder } from './model-folder.ts';
import type { ResolveModelOptions } from './resolve-model.ts';

/** A model that a user named, opened. */
export interface Source {
  readonly model: OpenModel;
  /** Where it lies: for a run its newest checkpoint, for an id of the hub its snapshot in the cache. */
  readonly folder: string;
  /** What an adapter that is trained on it says its base is. */
  readonly base: BaseName;
}

/** Opens the model that a folder, a run or an id names; of an adapter, with its base. */
export async function openSource(
  name: string,
  find: typeof modelFolder = modelFolder,
  options: ResolveModelOptions = {},
): Promise<Source> {
  const folder = await find(name, options);
  const model = await openModelDirectory(folder, {
    resolveBase: (base, revision) => modelFolder(revision === undefined ? base : `${base}@${revision}`, options),
  });
  return { model, folder, base: baseName(name, folder, model) };
}

function baseName(name: string, folder: string, { adapter }: OpenModel): BaseName {
  if (adapter !== undefined) {
    const { baseModel = '', revision } = adapter.config;
    return { name: baseModel, ...(revision === undefined ? {} : { revision }) };
  }
  if (existsSync(folder) && existsSync(name)) return { name: resolve(folder) };
  const [id = name, revision] = name.replace(/^hf:\/\//, '').split('@');
  return { name: id, ...(revision === undefined ? {} : { revision }) };
}
