import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fsErrorCode, withIoErrors } from '../io-error.ts';
import { type HubRepo, isCommit } from './hub-repo.ts';

/**
 * The place of a repository in the cache that clients of the hub share: `blobs/<hash>` hold the content,
 * `snapshots/<commit>/<path>` are links to it, `refs/<branch>` name commits
 * (https://huggingface.co/docs/huggingface_hub/guides/manage-cache).
 */
export class RepoCache {
  readonly folder: string;

  constructor(cache: string, { type, name }: HubRepo) {
    this.folder = join(cache, [`${type}s`, ...name.split('/')].join('--'));
  }

  blob(hash: string): string {
    return join(this.folder, 'blobs', hash);
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** The commit that a revision stood for when it was last asked for; undefined where it never was. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const path = join(this.folder, 'refs', revision);
    const text = await withIoErrors(path, () => readIfPresent(path));
    const commit = text?.trim() ?? '';
    return isCommit(commit) ? commit : undefined;
  }

  /** Remembers what a revision stands for. */
  async remember(revision: string, commit: string): Promise<void> {
    if (revision === commit || (await this.commitOf(revision)) === commit) return;
    const path = join(this.folder, 'refs', revision);
    await withIoErrors(path, async () => {
      await mkdir(dirname(path), { recursive: true });
      // Beside refs/, not in it: what a killed process leaves there would pass for a branch.
      const temporary = temporaryName(join(this.folder, '.ref'));
      await writeFile(temporary, commit);
      await rename(temporary, path);
    });
  }

  /** Whether a file of a snapshot is there, not only its link. */
  async has(commit: string, path: string): Promise<boolean> {
    return (await sizeIfPresent(join(this.snapshot(commit), path))) !== undefined;
  }

  /** Whether content is there; a blob of another size than it should have is removed. */
  async hasBlob(hash: string, size: number): Promise<boolean> {
    const path = this.blob(hash);
    return withIoErrors(path, async () => {
      const held = await sizeIfPresent(path);
      if (held !== undefined && held !== size) await rm(path, { force: true });
      return held === size;
    });
  }

  /** Lets a file of a snapshot stand for content that is there. */
  async link(commit: string, path: string, hash: string): Promise<void> {
    const pointer = join(this.snapshot(commit), path);
    const blob = this.blob(hash);
    // Relative, so that the cache can be moved.
    const target = relative(dirname(pointer), blob);
    await withIoErrors(pointer, async () => {
      await mkdir(dirname(pointer), { recursive: true });
      try {
        await symlink(target, pointer);
      } catch (error) {
        const code = fsErrorCode(error);
        if (code === 'EEXIST') return replace(pointer, target, blob);
        if (code !== 'EPERM') throw error;
        // Windows without the right to make links: a copy, which gets its name when it is whole.
        const temporary = temporaryName(pointer);
        await copyFile(blob, temporary);
        await rename(temporary, pointer);
      }
    });
  }
}

/** A pointer that is there may be a link to content that is gone, or a copy. */
async function replace(pointer: string, target: string, blob: string): Promise<void> {
  const held = await readlink(pointer).catch(() => undefined);
  if (held === target) return;
  if (held === undefined && (await sizeIfPresent(pointer)) === (await sizeIfPresent(blob))) return;
  const temporary = temporaryName(pointer);
  await symlink(target, temporary);
  await rename(temporary, pointer);
}

function temporaryName(path: string): string {
  return `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function sizeIfPresent(path: string): Promise<number | undefined> {
  try {
    const stats = await stat(path);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(fsErrorCode(error) ?? '');
}
