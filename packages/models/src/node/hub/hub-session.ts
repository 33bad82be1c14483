import { basename, join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { ListFileEntry } from '@huggingface/hub';
import { withIoErrors } from '../io-error.ts';
import { withCacheLock } from './cache-lock.ts';
import type { ContentHash } from './content-hash.ts';
import { apiFetch, type HubClient } from './hub-client.ts';
import { type HubDisk, realDisk } from './hub-disk.ts';
import { hubError } from './hub-refusal.ts';
import { type HubRepo, isCommit, repoPath } from './hub-repo.ts';
import { type HubEnvironment, readHubSettings } from './hub-settings.ts';
import { RepoCache } from './repo-cache.ts';
import { type Sleep, sleep } from './retry-budget.ts';

/** How far a download is. Bytes of an earlier try that are still there count as done. */
export interface HubProgress {
  /** The file that the last bytes belong to. */
  readonly file: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface HubOptions {
  /** The process's environment, for HF_HOME, HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE and the like. */
  readonly env: HubEnvironment;
  /** Ends a download; what there is of it stays, to go on from. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: HubProgress) => void;
  /** Told, in a line, what is worth knowing: a retry, a wait, a copy in the cache that is used instead. */
  readonly onNote?: (text: string) => void;
  /** How to wait between tries; given by tests. */
  readonly sleep?: Sleep;
  /** Given by tests. */
  readonly disk?: HubDisk;
}

/** A file of a repository as the hub lists it. */
export interface HubFile {
  readonly path: string;
  readonly hash: ContentHash;
}

/** One repository, its hub and its place in the cache. */
export interface HubSession {
  readonly client: HubClient;
  readonly cache: RepoCache;
  readonly onProgress: (progress: HubProgress) => void;
}

const MAX_ENTRIES = 20_000;

export async function openHubSession(repo: HubRepo, options: HubOptions): Promise<HubSession> {
  const settings = await readHubSettings(options.env);
  return {
    client: {
      repo,
      settings,
      signal: options.signal ?? new AbortController().signal,
      sleep: options.sleep ?? sleep,
      disk: options.disk ?? realDisk,
      onNote: options.onNote ?? (() => undefined),
    },
    cache: new RepoCache(settings.cache, repo),
    onProgress: options.onProgress ?? (() => undefined),
  };
}

/**
 * The commit that the revision stands for now and, where the hub cannot be reached, when it was last asked for. Offline
 * the hub is not asked. Undefined where nothing is known and nobody may be asked.
 */
export async function findCommit({
  client,
  cache,
}: HubSession): Promise<{ readonly commit: string; readonly isFresh: boolean } | undefined> {
  const { repo, settings } = client;
  const held = await cache.commitOf(repo.revision);
  if (settings.isOffline) return held === undefined ? undefined : { commit: held, isFresh: false };
  try {
    return { commit: await askCommit(client), isFresh: true };
  } catch (error) {
    if (!(error instanceof ToolError && error.code === 'io') || held === undefined) throw error;
    client.onNote(`${error.detail.op}: ${error.detail.got}; using commit ${held.slice(0, 12)} from the cache`);
    return { commit: held, isFresh: false };
  }
}

async function askCommit(client: HubClient): Promise<string> {
  const { repo, settings } = client;
  const { name, revision } = repo;
  const query = {
    name,
    revision,
    hubUrl: settings.endpoint,
    additionalFields: ['sha' as const],
    fetch: apiFetch(client),
  };
  // Only who downloads waits for the library to load.
  const { datasetInfo, modelInfo } = await import('@huggingface/hub');
  const { sha } = await ask(client, () => (repo.type === 'model' ? modelInfo(query) : datasetInfo(query)));
  if (typeof sha === 'string' && isCommit(sha)) return sha;
  throw hubError('io', client, 'a commit hash', JSON.stringify(sha)?.slice(0, 60) ?? 'none');
}

/** The files in a folder of a repository, '' for its root; not those in folders of that. */
export async function listFolder(client: HubClient, commit: string, folder: string): Promise<readonly HubFile[]> {
  const { repo, settings } = client;
  const path = folder.split('/').map(encodeURIComponent).join('/');
  const { listFiles } = await import('@huggingface/hub');
  return ask(client, async () => {
    const files: HubFile[] = [];
    let entries = 0;
    const query = { repo, revision: commit, hubUrl: settings.endpoint, fetch: apiFetch(client) };
    for await (const entry of listFiles({ ...query, ...(path === '' ? {} : { path }) })) {
      entries += 1;
      if (entries > MAX_ENTRIES) throw hubError('io', client, `at most ${MAX_ENTRIES} files`, 'more');
      if (entry.type === 'file') files.push(checkEntry(client, entry));
    }
    return files;
  });
}

/** What the hub says becomes file names and sizes here, so none of it is taken on trust. */
function checkEntry(client: HubClient, { path, size, oid, lfs }: ListFileEntry): HubFile {
  if (typeof path !== 'string' || !isPathInside(path)) {
    const got = JSON.stringify(path)?.slice(0, 120) ?? 'none';
    throw hubError('corrupt', client, 'names of files within the repository', got, 'Nothing was downloaded.');
  }
  const bytes = lfs?.size ?? size;
  const hex = lfs?.oid ?? oid ?? '';
  const isHash = (lfs === undefined ? /^[0-9a-f]{40}$/ : /^[0-9a-f]{64}$/).test(hex);
  if (!isHash || !Number.isSafeInteger(bytes) || bytes < 0) {
    const got = `${JSON.stringify(hex)?.slice(0, 80)} of ${bytes} bytes`;
    throw hubError('corrupt', { ...client, file: path }, 'a hash and a size', got, 'Nothing was downloaded.');
  }
  return { path, hash: { algorithm: lfs === undefined ? 'git-sha1' : 'sha256', hex, size: bytes } };
}

/** Neither `..` nor the start of a path of any system, drive letters and backslashes included. */
export function isPathInside(path: string): boolean {
  const isPart = (part: string): boolean => part !== '' && part !== '.' && part !== '..' && part.length <= 255;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be in a file's name
  return !/[\\:\x00-\x1f\x7f]/.test(path) && path.split('/').every(isPart);
}

/** Errors that the library raises itself, over answers of another form than it expects, become ToolError 'io'. */
async function ask<T>(client: HubClient, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    client.signal.throwIfAborted();
    if (cause instanceof ToolError) throw cause;
    const hint = 'Is HF_ENDPOINT a hub?';
    throw hubError('io', client, `an answer of a hub from ${client.settings.endpoint}`, String(cause), hint, cause);
  }
}

/** One process at a time downloads from a repository; the others wait and then find its files. */
export async function withRepoLock<T>({ client, cache }: HubSession, work: () => Promise<T>): Promise<T> {
  const { repo, settings, signal, sleep } = client;
  // Beside the locks of Hugging Face's own client, which are locked in a way that Node cannot.
  const path = join(settings.cache, '.locks', basename(cache.folder), 'dawngrad.lock');
  const onWait = (holder: string): void =>
    client.onNote(`${repoPath(repo)}: waiting for ${holder}, which downloads it`);
  return withCacheLock(path, { signal, sleep, onWait }, work);
}

/** Throws ToolError 'io' where what is to come does not fit the disk. */
export async function requireSpace({ client, cache }: HubSession, bytes: number): Promise<void> {
  const free = await withIoErrors(cache.folder, () => client.disk.freeBytes(cache.folder));
  if (free >= bytes) return;
  const hint = 'Nothing was downloaded now. Free some space, or set HF_HOME to a folder on another disk.';
  throw hubError('io', client, `${bytes} bytes of free space in ${client.settings.cache}`, `${free}`, hint);
}
