import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { withIoErrors } from '../io-error.ts';
import { downloadBlob } from './download-blob.ts';
import { type HubFile, type HubSession, requireSpace, withRepoLock } from './hub-session.ts';

/** A hub serves one file fast enough; a second one hides the round trips between small ones. */
const AT_ONCE = 3;

/**
 * Brings files of a commit into the cache. Their names appear in the snapshot after all contents are there, so that a
 * download that ended early leaves no snapshot with holes. Returns how many bytes were not there before.
 */
export async function fetchFiles(session: HubSession, commit: string, files: readonly HubFile[]): Promise<number> {
  const { client, cache } = session;
  const missing = await missingFiles(session, files);
  if (missing.length > 0) {
    await withRepoLock(session, async () => {
      await withIoErrors(cache.folder, () => mkdir(join(cache.folder, 'blobs'), { recursive: true }));
      // Another process may have brought some of them meanwhile.
      await fetchBlobs(session, commit, await missingFiles(session, files));
    });
  }
  client.signal.throwIfAborted();
  for (const { path, hash } of files) await cache.link(commit, path, hash.hex);
  await cache.remember(client.repo.revision, commit);
  return sizeOf(missing);
}

/** Those whose content is not there, each content once. */
async function missingFiles({ cache }: HubSession, files: readonly HubFile[]): Promise<readonly HubFile[]> {
  const missing = new Map<string, HubFile>();
  for (const file of files) {
    if (!(await cache.hasBlob(file.hash.hex, file.hash.size))) missing.set(file.hash.hex, file);
  }
  return [...missing.values()];
}

async function fetchBlobs(session: HubSession, commit: string, files: readonly HubFile[]): Promise<void> {
  const { client, cache, onProgress } = session;
  const totalBytes = sizeOf(files);
  await requireSpace(session, totalBytes - (await heldBytes(session, files)));
  let doneBytes = 0;
  // The first failure ends the others; what they have stays to go on from.
  const failed = new AbortController();
  const signal = AbortSignal.any([client.signal, failed.signal]);
  const waiting = [...files];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const { path, hash } = file;
      const onBytes = (count: number): void => {
        doneBytes += count;
        onProgress({ file: path, doneBytes, totalBytes });
      };
      await downloadBlob({ ...client, signal }, { path, commit, hash, target: cache.blob(hash.hex), onBytes });
    }
  };
  const workers = Array.from({ length: AT_ONCE }, () =>
    work().catch((error) => {
      failed.abort(error);
      throw error;
    }),
  );
  // All have ended before an error goes on, so that nothing is written after that.
  await Promise.allSettled(workers);
  await Promise.all(workers);
}

async function heldBytes({ cache }: HubSession, files: readonly HubFile[]): Promise<number> {
  let bytes = 0;
  for (const { hash } of files) {
    const held = await stat(`${cache.blob(hash.hex)}.incomplete`).catch(() => undefined);
    if (held !== undefined && held.size <= hash.size) bytes += held.size;
  }
  return bytes;
}

function sizeOf(files: readonly HubFile[]): number {
  return files.reduce((sum, { hash }) => sum + hash.size, 0);
}
