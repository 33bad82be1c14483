import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CRITIC_FOLDER } from '@dawngrad/airl/node';
import { openModelFiles, readPointer } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import { type ResolveModelOptions, resolveModel } from './resolve-model.ts';
import { CHECKPOINTS, CONFIG } from './run-directory.ts';

const MANIFEST = 'manifest.json';

/** What is written behind the folder of a run for its best checkpoint; the reference code calls it best_model. */
const BEST = ['best', 'best_model'];

/**
 * The folder of a model: the one given or, for the folder of a run, its newest checkpoint, with `/best` behind it the
 * one that was best on the dev rows; for the name of a model on the hub its snapshot in the cache, see `resolveModel`.
 */
export async function modelFolder(name: string, options: ResolveModelOptions = {}): Promise<string> {
  const run = dirname(name);
  if (BEST.includes(basename(name)) && !existsSync(name) && existsSync(join(run, CONFIG))) {
    return checkpointOf(run, 'best', 'train.save_best keeps it, where there are dev rows.');
  }
  const path = await resolveModel(name, options);
  return existsSync(join(path, CONFIG)) ? checkpointOf(path, 'latest') : path;
}

async function checkpointOf(run: string, pointer: 'latest' | 'best', hint?: string): Promise<string> {
  const checkpoints = join(run, CHECKPOINTS);
  const name = await readPointer(checkpoints, pointer);
  if (name !== undefined) return join(checkpoints, name);
  const what = pointer === 'best' ? 'a best checkpoint' : 'a checkpoint';
  throw new ToolError('config', {
    op: run,
    expected: `a run with ${what}`,
    got: 'none yet',
    ...(hint === undefined ? {} : { hint }),
  });
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
