import { createHash, type Hash } from 'node:crypto';

/** What the content of a file must hash to, as its listing says. */
export interface ContentHash {
  /** SHA-256 of the content, for files in large file storage; git's SHA-1 of the content as a blob for others. */
  readonly algorithm: 'sha256' | 'git-sha1';
  readonly hex: string;
  readonly size: number;
}

/** A hash to feed with the content; its digest is to equal `hex`. */
export function startHash({ algorithm, size }: ContentHash): Hash {
  if (algorithm === 'sha256') return createHash('sha256');
  // The name of a blob in git: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
  return createHash('sha1').update(`blob ${size}\0`);
}
