import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';

/** An open file. Offsets are those of a plain front-to-back write or read. */
export interface FileHandleLike {
  /** Bytes written, possibly fewer than given. */
  write(bytes: Uint8Array): Promise<number>;
  /** Fills `into` from the current place; bytes read, 0 at the end of the file. */
  read(into: Uint8Array): Promise<number>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The calls that saving and verifying make. They come as an argument so that a test can fail each of them in turn;
 * everything else passes nothing and gets the disk.
 */
export interface FileSystem {
  /** 'wx' creates and fails if the file exists; 'r' also opens directories, for `sync`. */
  open(path: string, flags: 'wx' | 'r'): Promise<FileHandleLike>;
  /** Creates a directory; its parents too when `recursive`. */
  mkdir(path: string, recursive: boolean): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a whole directory; nothing happens if there is none. */
  remove(path: string): Promise<void>;
  /** Names in a directory, sorted. */
  list(path: string): Promise<readonly string[]>;
  /** Bytes that an ordinary user may still write on the file system of `path`. */
  freeBytes(path: string): Promise<number>;
  /** When a file or directory was last written, in milliseconds since 1970. */
  modifiedMs(path: string): Promise<number>;
}

export const diskFileSystem: FileSystem = {
  async open(path, flags) {
    const handle = await open(path, flags);
    return {
      write: async (bytes) => (await handle.write(bytes)).bytesWritten,
      read: async (into) => (await handle.read(into, 0, into.byteLength)).bytesRead,
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  mkdir: async (path, recursive) => {
    await mkdir(path, { recursive });
  },
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
  list: async (path) => (await readdir(path)).sort(),
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
  modifiedMs: async (path) => (await stat(path)).mtimeMs,
};
