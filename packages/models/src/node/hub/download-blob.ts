import type { Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { ToolError } from '@dawngrad/tensor';
import { describeFsError, fsErrorCode, withIoErrors } from '../io-error.ts';
import { type ContentHash, startHash } from './content-hash.ts';
import { fileFetch, type HubClient, NoPartialContent } from './hub-client.ts';
import { connectionFailure, hubError } from './hub-refusal.ts';
import { repoPath } from './hub-repo.ts';
import { RetryBudget } from './retry-budget.ts';

/** Failures in a row without a new byte. */
const TRIES = 6;
const READ_BYTES = 4 << 20;

/** A file of a repository, to be stored under its hash. */
export interface BlobDownload {
  /** Its path in the repository. */
  readonly path: string;
  readonly commit: string;
  readonly hash: ContentHash;
  /** Where it is to lie. While it is not complete, what there is of it lies beside, as `<target>.incomplete`. */
  readonly target: string;
  /** Told how many more bytes are there; also of those from an earlier try, and of those thrown away (negative). */
  readonly onBytes: (count: number) => void;
}

/**
 * Downloads one file, going on from what an earlier try left. It appears as `target` only when all of it is on the disk
 * and its hash is right. Another process may do the same at the same time: both write the same bytes at the same
 * places. Throws ToolError: 'corrupt' for other content than was announced, 'io', or what the hub refused.
 */
export async function downloadBlob(client: HubClient, download: BlobDownload): Promise<void> {
  const partial = `${download.target}.incomplete`;
  const budget = new RetryBudget({ ...client, tries: TRIES, onRetry: client.onNote });
  for (let isFresh = false; ; ) {
    const started = await fill(client, download, partial, budget);
    if (started.digest === download.hash.hex) return publish(partial, download.target);
    await rm(partial, { force: true });
    download.onBytes(-download.hash.size);
    // What an earlier try left may have been the bad part; a second time it is what the hub sends.
    if (isFresh || started.resumedAt === 0) throw wrongHash(client, download, started.digest);
    client.onNote(`${repoPath(client.repo)}/${download.path}: what was there of it is damaged; starting anew`);
    isFresh = true;
  }
}

interface Filled {
  readonly digest: string;
  /** How many bytes an earlier process had left. */
  readonly resumedAt: number;
}

/** Brings the partial file to its full size and hashes it on the way. */
async function fill(client: HubClient, download: BlobDownload, partial: string, budget: RetryBudget): Promise<Filled> {
  const { hash, onBytes } = download;
  // Made by whom it may: it is a plain file, or it is not written to.
  const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  const handle = await withIoErrors(partial, () => open(partial, flags, 0o644));
  try {
    let state = await readHeld(client, handle, download);
    const resumedAt = state.offset;
    while (state.offset < hash.size) {
      try {
        await receive(client, handle, download, state, budget);
      } catch (error) {
        if (error instanceof NoPartialContent && state.offset > 0) {
          onBytes(-state.offset);
          await handle.truncate(0);
          state = { offset: 0, best: state.best, hasher: startHash(hash) };
          continue;
        }
        await budget.wait(error);
      }
    }
    await withIoErrors(partial, () => handle.sync());
    return { digest: state.hasher.digest('hex'), resumedAt };
  } finally {
    await handle.close();
  }
}

interface FillState {
  /** Bytes that are in the file and in the hash. */
  offset: number;
  /** The largest offset so far: where a server always begins anew, only what is beyond it is progress. */
  best: number;
  readonly hasher: Hash;
}

/** Hashes what an earlier try left; what is longer than the file should be is thrown away. */
async function readHeld(client: HubClient, handle: FileHandle, { hash, onBytes }: BlobDownload): Promise<FillState> {
  const state: FillState = { offset: 0, best: 0, hasher: startHash(hash) };
  const { size } = await handle.stat();
  if (size > hash.size) await handle.truncate(0);
  if (size === 0 || size > hash.size) return state;
  const buffer = new Uint8Array(Math.min(READ_BYTES, size));
  while (state.offset < size) {
    client.signal.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, size - state.offset), state.offset);
    if (bytesRead === 0) break;
    state.hasher.update(buffer.subarray(0, bytesRead));
    state.offset += bytesRead;
  }
  state.best = state.offset;
  onBytes(state.offset);
  return state;
}

/** Takes what one connection brings. Throws whatever ended it before the end of the file. */
async function receive(
  client: HubClient,
  handle: FileHandle,
  { path, commit, hash, onBytes }: BlobDownload,
  state: FillState,
  budget: RetryBudget,
): Promise<void> {
  const { downloadFile } = await import('@huggingface/hub');
  const subject = { ...client, file: path };
  const connection = fileFetch(subject);
  let refusal: unknown;
  try {
    const content = await downloadFile({
      repo: client.repo,
      path,
      revision: commit,
      hubUrl: client.settings.endpoint,
      // What it would ask the hub for is known from the listing. Plain HTTP, as its Xet client cannot go on
      // from the middle of a file and says nothing of its progress.
      downloadInfo: { url: contentUrl(client, commit, path), size: hash.size, etag: hash.hex },
      xet: false,
      // Its stream keeps no more of an error than the message.
      fetch: async (input, init) => {
        try {
          return await connection.fetch(input, init);
        } catch (error) {
          refusal = error;
          throw error;
        }
      },
    });
    const rest = state.offset === 0 ? content : content?.slice(state.offset, hash.size);
    for await (const piece of rest?.stream() ?? []) {
      connection.touch();
      client.signal.throwIfAborted();
      if (state.offset + piece.byteLength > hash.size) {
        throw hubError('corrupt', subject, `${hash.size} bytes`, 'more', 'Nothing of it was kept as whole.');
      }
      await writeAt(subject, handle, piece, state.offset);
      state.hasher.update(piece);
      state.offset += piece.byteLength;
      onBytes(piece.byteLength);
      if (state.offset > state.best) budget.succeed();
      state.best = Math.max(state.best, state.offset);
    }
  } catch (error) {
    client.signal.throwIfAborted();
    if (refusal !== undefined) throw refusal;
    throw error instanceof ToolError ? error : connectionFailure(error, subject);
  } finally {
    connection.end();
  }
  if (state.offset < hash.size) throw connectionFailure(undefined, subject);
}

async function writeAt(client: HubClient, handle: FileHandle, piece: Uint8Array, position: number): Promise<void> {
  try {
    for (let done = 0; done < piece.byteLength; ) {
      done += await client.disk.write(handle, piece.subarray(done), position + done);
    }
  } catch (cause) {
    const code = fsErrorCode(cause);
    if (code === undefined) throw cause;
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    const expected = isFull ? 'free space for it' : 'to write it';
    const hint = 'What was downloaded stays: the same command goes on from there.';
    throw hubError(
      'io',
      client,
      expected,
      describeFsError(cause),
      isFull ? `Free some space, or set HF_HOME to another disk. ${hint}` : hint,
      cause,
    );
  }
}

/** The full path is part of the address, piece by piece: a file's name may hold signs that mean something there. */
function contentUrl({ repo, settings }: HubClient, commit: string, path: string): string {
  const name = path.split('/').map(encodeURIComponent).join('/');
  return `${settings.endpoint}/${repoPath(repo)}/resolve/${commit}/${name}`;
}

async function publish(partial: string, target: string): Promise<void> {
  await withIoErrors(target, async () => {
    try {
      await rename(partial, target);
    } catch (error) {
      // Another process has put the same content there.
      if (fsErrorCode(error) === 'ENOENT' && (await stat(target)).isFile()) return;
      throw error;
    }
  });
}

function wrongHash(client: HubClient, { path, hash }: BlobDownload, digest: string): Error {
  return hubError(
    'corrupt',
    { ...client, file: path },
    `content with ${hash.algorithm === 'sha256' ? 'SHA-256' : 'git hash'} ${hash.hex}`,
    digest,
    'Nothing of it was kept. Try again; if it stays so, the file or a proxy on the way is damaged.',
  );
}
