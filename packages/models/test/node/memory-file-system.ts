import { basename, dirname } from 'node:path';
import type { FileHandleLike, FileSystem } from '../../src/node/file-system.ts';

interface FileNode {
  readonly kind: 'file';
  data: Uint8Array;
  /** What a power cut leaves. */
  synced: Uint8Array;
}

interface FolderNode {
  readonly kind: 'folder';
  entries: Map<string, Node>;
  /** What a power cut leaves. */
  synced: Map<string, Node>;
}

type Node = FileNode | FolderNode;

/**
 * What is lost when everything stops: nothing when the process is killed; at a power cut the contents that were not
 * synced, and also the names, unless the file system writes its directories first.
 */
export type Loss = 'nothing' | 'unsynced contents' | 'unsynced contents and names';

/** A disk in memory that knows what is synced: the proof that each sync of the protocol is there and in its place. */
export class MemoryFileSystem implements FileSystem {
  #root: FolderNode = newFolder();
  readonly #freeBytes: number;

  constructor(freeBytes = Number.MAX_SAFE_INTEGER) {
    this.#freeBytes = freeBytes;
  }

  /** The disk as it is after a stop now. */
  afterStop(loss: Loss): MemoryFileSystem {
    const after = new MemoryFileSystem(this.#freeBytes);
    after.#root = survive(this.#root, loss) as FolderNode;
    return after;
  }

  async open(path: string, flags: 'wx' | 'r'): Promise<FileHandleLike> {
    const folder = this.#folder(dirname(path));
    let node = path === '/' ? this.#root : folder.entries.get(basename(path));
    if (flags === 'wx') {
      if (node !== undefined) throw fsError('EEXIST', path);
      node = { kind: 'file', data: new Uint8Array(), synced: new Uint8Array() };
      folder.entries.set(basename(path), node);
    }
    if (node === undefined) throw fsError('ENOENT', path);
    return openNode(node, path);
  }

  async mkdir(path: string, recursive: boolean): Promise<void> {
    if (path === '/') return;
    if (recursive) await this.mkdir(dirname(path), true);
    const { entries } = this.#folder(dirname(path));
    const existing = entries.get(basename(path));
    if (existing !== undefined && !(recursive && existing.kind === 'folder')) throw fsError('EEXIST', path);
    if (existing === undefined) entries.set(basename(path), newFolder());
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#folder(dirname(from)).entries;
    const target = this.#folder(dirname(to)).entries;
    const node = source.get(basename(from));
    if (node === undefined) throw fsError('ENOENT', from);
    const existing = target.get(basename(to));
    if (existing?.kind === 'folder' && existing.entries.size > 0) throw fsError('ENOTEMPTY', to);
    source.delete(basename(from));
    target.set(basename(to), node);
  }

  async remove(path: string): Promise<void> {
    this.#folder(dirname(path)).entries.delete(basename(path));
  }

  async list(path: string): Promise<readonly string[]> {
    return [...this.#folder(path).entries.keys()].sort();
  }

  async freeBytes(): Promise<number> {
    return this.#freeBytes;
  }

  /** Long ago: all leftovers are older than this process. */
  async modifiedMs(path: string): Promise<number> {
    if (!this.#folder(dirname(path)).entries.has(basename(path))) throw fsError('ENOENT', path);
    return 0;
  }

  #folder(path: string): FolderNode {
    let node: Node = this.#root;
    for (const part of path.split('/').filter(Boolean)) {
      const next: Node | undefined = node.entries.get(part);
      if (next === undefined) throw fsError('ENOENT', path);
      if (next.kind !== 'folder') throw fsError('ENOTDIR', path);
      node = next;
    }
    return node;
  }
}

function openNode(node: Node, path: string): FileHandleLike {
  let position = 0;
  const file = (): FileNode => {
    if (node.kind === 'folder') throw fsError('EISDIR', path);
    return node;
  };
  return {
    async write(bytes) {
      const { data } = file();
      file().data = Buffer.concat([data, bytes]);
      return bytes.byteLength;
    },
    async read(into) {
      const part = file().data.subarray(position, position + into.byteLength);
      into.set(part);
      position += part.byteLength;
      return part.byteLength;
    },
    async sync() {
      if (node.kind === 'file') node.synced = node.data;
      else node.synced = new Map(node.entries);
    },
    async close() {},
  };
}

function newFolder(): FolderNode {
  return { kind: 'folder', entries: new Map(), synced: new Map() };
}

function survive(node: Node, loss: Loss): Node {
  if (node.kind === 'file') {
    const data = loss === 'nothing' ? node.data : node.synced;
    return { kind: 'file', data, synced: data };
  }
  const names = loss === 'unsynced contents and names' ? node.synced : node.entries;
  const entries = new Map([...names].map(([name, child]) => [name, survive(child, loss)]));
  return { kind: 'folder', entries, synced: new Map(entries) };
}

function fsError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
