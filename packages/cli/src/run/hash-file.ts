import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { ToolError } from '@dawngrad/tensor';

/** SHA-256 of a file's bytes, in hexadecimal. Throws ToolError 'config' where it cannot be read. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new ToolError('config', { op: path, expected: 'a readable file', got: reason, cause });
  }
  return hash.digest('hex');
}
