import { ToolError } from '@dawngrad/tensor';

/** The code of a file-system error, in words where it is a common one. */
export function describeFsError(cause: unknown): string {
  const code = fsErrorCode(cause) ?? '';
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
    ENOTDIR: 'a path through something that is not a directory',
    ELOOP: 'a loop of links',
    EMFILE: 'too many open files',
    ENOSPC: 'no space left on the device',
    EROFS: 'a read-only file system',
    EIO: 'an input/output error',
    EEXIST: 'one that exists already',
  };
  return Object.hasOwn(words, code) ? `${words[code]} (${code})` : code !== '' ? code : String(cause);
}

/** The code of an error of the file system, such as ENOENT; undefined for any other error. */
export function fsErrorCode(error: unknown): string | undefined {
  return error instanceof Error && !(error instanceof ToolError) && 'code' in error ? String(error.code) : undefined;
}

/** Turns errors of the file system into ToolError 'io' that names `place`; others pass. */
export async function withIoErrors<T>(place: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (fsErrorCode(cause) === undefined) throw cause;
    throw new ToolError('io', { op: place, expected: 'to read and write here', got: describeFsError(cause), cause });
  }
}
