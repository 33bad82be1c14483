import { constants } from 'node:fs';
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { type ByteSource, type ModelFiles, readUtf8 } from '../io/byte-source.ts';
import { describeFsError, withIoErrors } from './io-error.ts';

/**
 * The files of a directory on disk. Names are plain names in it: a path, a link that leads out of it, a device or a
 * pipe is refused with ToolError 'config'. A missing directory: ToolError 'config'.
 */
export async function openModelFiles(directory: string): Promise<ModelFiles> {
  const root = await resolveDirectory(directory);
  const open = (name: string): Promise<ByteSource> => openSource(root, name);
  return {
    label: directory,
    async list() {
      const entries = await withIoErrors(directory, () => readdir(root, { withFileTypes: true }));
      return entries
        .filter((entry) => entry.isFile() || entry.isSymbolicLink())
        .map((entry) => entry.name)
        .sort();
    },
    open,
    readText: async (name, capBytes) => readUtf8(await open(name), capBytes),
  };
}

async function resolveDirectory(directory: string): Promise<string> {
  if (directory === '' || directory.includes('\0')) {
    throw new ToolError('config', { op: 'model directory', expected: 'a path', got: JSON.stringify(directory) });
  }
  try {
    const root = await realpath(directory);
    if ((await stat(root)).isDirectory()) return root;
  } catch (cause) {
    throw new ToolError('config', { op: directory, expected: 'a directory', got: describeFsError(cause), cause });
  }
  throw new ToolError('config', { op: directory, expected: 'a directory', got: 'something else' });
}

async function openSource(root: string, name: string): Promise<ByteSource> {
  // Backslashes and drive letters as well: the same model directory must be as safe on Windows.
  if (name === '' || name === '.' || name === '..' || /[/\\:\0]/.test(name)) {
    throw new ToolError('config', { op: root, expected: 'a plain file name', got: JSON.stringify(name) });
  }
  let path: string;
  try {
    path = await realpath(join(root, name));
  } catch (cause) {
    throw new ToolError('config', { op: root, expected: `a file ${name}`, got: describeFsError(cause), cause });
  }
  if (!allowedFolders(root).some((folder) => path.startsWith(folder.endsWith(sep) ? folder : folder + sep))) {
    throw new ToolError('config', { op: root, expected: `${name} within the directory`, got: 'a link that leads out' });
  }
  const size = await withHandle(path, name, async (handle) => {
    const stats = await handle.stat();
    if (!stats.isFile()) {
      throw new ToolError('config', { op: root, expected: `${name} as a regular file`, got: 'something else' });
    }
    return stats.size;
  });
  return {
    name,
    size,
    read: (offset, length) => withHandle(path, name, (handle) => readExactly(handle, name, offset, length)),
  };
}

/**
 * The folders in which a file may really lie: the directory itself and, for a snapshot in the cache of Hugging Face's
 * hub client, whose files are links, the blobs of the same repository.
 */
function allowedFolders(root: string): readonly string[] {
  const snapshots = dirname(root);
  const repository = dirname(snapshots);
  const isHubCache = basename(snapshots) === 'snapshots' && basename(repository).startsWith('models--');
  return isHubCache ? [root, join(repository, 'blobs')] : [root];
}

/** Opened for each read, so that a source needs no closing; beside reads of megabytes the cost is nothing. */
async function withHandle<T>(path: string, name: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  return withIoErrors(name, async () => {
    // Without O_NONBLOCK opening a pipe would wait for a writer.
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      return await use(handle);
    } finally {
      await handle.close();
    }
  });
}

async function readExactly(
  handle: FileHandle,
  name: string,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const out = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(out, filled, length - filled, offset + filled);
    if (bytesRead === 0) {
      throw new ToolError('corrupt', {
        op: name,
        expected: `${length} bytes at offset ${offset}`,
        got: `${filled}: the file became shorter while it was read`,
      });
    }
    filled += bytesRead;
  }
  return out;
}
