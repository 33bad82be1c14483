import { ToolError } from '@dawngrad/tensor';
import { isJsonObject, parseStrictJsonObject } from '../../io/strict-json.ts';
import { openModelFiles } from '../model-files.ts';
import { fetchFiles } from './fetch-files.ts';
import { hubError } from './hub-refusal.ts';
import { parseHubRepo } from './hub-repo.ts';
import { findCommit, type HubOptions, type HubSession, listFolder, openHubSession } from './hub-session.ts';
import { missingModelFile, modelFileNames } from './model-file-names.ts';

/** A model of the hub, in the cache. */
export interface HubModel {
  /** A model directory; see `openModelDirectory`. */
  readonly folder: string;
  /** `owner/name`. */
  readonly name: string;
  readonly revision: string;
  /** What the revision stands for, for the record. */
  readonly commit: string;
  /** How much was not in the cache before. */
  readonly downloadedBytes: number;
}

const SHARD_INDEX = 'model.safetensors.index.json';
const INDEX_CAP_BYTES = 32 << 20;

/**
 * Brings a model, or an adapter, from the hub into the cache that all of the hub's clients share: only the files that it
 * is made of, each checked by its hash; a download that was cut goes on where it ended. Offline, or where the hub does
 * not answer, what the cache has is taken.
 *
 * @param id `owner/name` or `owner/name@revision`
 * @throws ToolError 'config': no such model, revision or access, or nothing in the cache while offline; 'corrupt': other
 * content than announced; 'io': the network or the disk. The signal's reason when it ends the download.
 */
export async function downloadModel(id: string, options: HubOptions): Promise<HubModel> {
  const repo = parseHubRepo(id);
  if (repo === undefined || repo.type !== 'model') {
    throw new ToolError('config', {
      op: 'hub',
      expected: 'a model as owner/name or owner/name@revision',
      got: JSON.stringify(id),
    });
  }
  const session = await openHubSession(repo, options);
  const { name, revision } = repo;
  const found = await findCommit(session);
  if (found === undefined) throw notCached(session, 'nothing of it');
  const { commit, isFresh } = found;
  const downloadedBytes = isFresh ? await bring(session, commit) : 0;
  if (!isFresh) await requireCached(session, commit);
  return { folder: session.cache.snapshot(commit), name, revision, commit, downloadedBytes };
}

async function bring(session: HubSession, commit: string): Promise<number> {
  const listed = await listFolder(session.client, commit, '');
  const names = listed.map(({ path }) => path);
  const needed = new Set(modelFileNames(names));
  const missing = missingModelFile([...needed]);
  // Its tokenizer may come from elsewhere; without the rest it is no model.
  if (missing !== undefined && missing !== 'tokenizer.json') throw noModel(session, missing, names);
  return fetchFiles(
    session,
    commit,
    listed.filter(({ path }) => needed.has(path)),
  );
}

function noModel({ client }: HubSession, missing: string, names: readonly string[]): ToolError {
  const other = names.find((name) => /\.(bin|pt|pth|ckpt|pkl|gguf|onnx|h5|msgpack)$/i.test(name));
  const isWeights = missing.endsWith('.safetensors') && other !== undefined;
  return hubError(
    'config',
    client,
    `a model with ${missing}`,
    isWeights ? `one with ${other} only` : 'a repository without it',
    isWeights && !/\.(gguf|onnx|h5|msgpack)$/i.test(other)
      ? 'Loading a pickle runs code from it, so it is not supported: look for a copy in safetensors.'
      : undefined,
  );
}

/** Nobody can be asked what belongs to the model, so its own files must tell. */
async function requireCached(session: HubSession, commit: string): Promise<void> {
  const { cache } = session;
  const names: string[] = [];
  // A snapshot that is not there has no names.
  if (!(await cache.has(commit, 'config.json')) && !(await cache.has(commit, 'adapter_config.json'))) {
    throw notCached(session, 'no config.json of it');
  }
  const files = await openModelFiles(cache.snapshot(commit));
  for (const name of await files.list()) if (await cache.has(commit, name)) names.push(name);
  const shards = !names.includes('model.safetensors') && names.includes(SHARD_INDEX);
  const needed = shards ? shardNames(await files.readText(SHARD_INDEX, INDEX_CAP_BYTES)) : [];
  const missing = missingModelFile(names) ?? needed.find((name) => !names.includes(name));
  if (missing !== undefined) throw notCached(session, `no ${missing} of it`);
}

function shardNames(text: string): readonly string[] {
  const { weight_map } = parseStrictJsonObject(SHARD_INDEX, text, { maxDepth: 8, maxKeys: 1_000_000 });
  return isJsonObject(weight_map) ? [...new Set(Object.values(weight_map).map(String))] : [];
}

function notCached({ client, cache }: HubSession, got: string): ToolError {
  const { settings, repo } = client;
  const hint = settings.isOffline
    ? 'Download it once without HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE, or name a folder.'
    : 'The hub does not answer: try again later, or name a folder.';
  const expected = `revision ${repo.revision} of it in ${cache.folder}`;
  return hubError('config', client, settings.isOffline ? `${expected}, being offline` : expected, got, hint);
}
