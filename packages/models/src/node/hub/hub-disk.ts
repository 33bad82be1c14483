import { type FileHandle, statfs } from 'node:fs/promises';

/** The calls of a download that a full disk makes fail. They come as an argument so that a test can fill it. */
export interface HubDisk {
  /** Bytes that an ordinary user may still write on the file system of a folder. */
  freeBytes(folder: string): Promise<number>;
  /** Bytes written, possibly fewer than given. */
  write(handle: FileHandle, bytes: Uint8Array, position: number): Promise<number>;
}

export const realDisk: HubDisk = {
  async freeBytes(folder) {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
  write: async (handle, bytes, position) => (await handle.write(bytes, 0, bytes.byteLength, position)).bytesWritten,
};
