import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CRITIC_FOLDER } from '@dawngrad/airl/node';
import { openModelFiles, readPointer } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import { type ResolveModelOptions, resolveModel } from './resolve-model.ts';
import { CHECKPOINTS, CONFIG } from './run-directory.ts';

const MANIFEST = 'manifest.json';

/**
 * The folder of a model: the one given or, for the folder of a run, its newest checkpoint; for the name of a model on
 * the hub its snapshot in the cache, see `resolveModel`.
 */
export async function modelFolder(name: string, options: ResolveModelOptions = {}): Promise<string> {
  const path = await resolveModel(name, options);
  if (!existsSync(join(path, CONFIG))) return path;
  const checkpoints = join(path, CHECKPOINTS);
  const newest = await readPointer(checkpoints, 'latest');
  if (newest !== undefined) return join(checkpoints, newest);
  throw new ToolError('config', { op: path, expected: 'a run with a checkpoint', got: 'none yet' });
}

/** The folder of a critic: as `modelFolder`; in the checkpoint of an R-AIRL run it lies beside the policy. */
export async function criticFolder(name: string, options: ResolveModelOptions = {}): Promise<string> {
  const folder = await modelFolder(name, options);
  const critic = join(folder, CRITIC_FOLDER);
  return ['config.json', 'adapter_config.json'].some((name) => existsSync(join(critic, name))) ? critic : folder;
}

/**
 * The files that tell which weights a folder holds: the manifest of one that dawngrad saved, since it has the
 * checksum of each file, else the weights themselves.
 */
export async function weightFiles(folder: string): Promise<string[]> {
  const names = await (await openModelFiles(folder)).list();
  const isWeights = (name: string): boolean => name.endsWith('.safetensors');
  return names
    .filter(names.includes(MANIFEST) ? (name) => name === MANIFEST : isWeights)
    .map((name) => join(folder, name));
}
