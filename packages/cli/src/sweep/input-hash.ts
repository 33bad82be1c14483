import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { hashFile } from '../run/hash-file.ts';
import { CHECKPOINTS, CONFIG } from '../run/run-directory.ts';

const MANIFEST = 'manifest.json';

/**
 * SHA-256 of what a path of the user's names: a file by its bytes, a folder by the names and bytes of its files, a run
 * by the manifest of the checkpoint that stands for it, which has the checksum of every file. Undefined where there is
 * nothing of that name. Each path is read once.
 */
export class InputHashes {
  readonly #known = new Map<string, string | undefined>();

  async of(path: string): Promise<string | undefined> {
    if (!this.#known.has(path)) this.#known.set(path, await hashPath(path));
    return this.#known.get(path);
  }
}

async function hashPath(path: string): Promise<string | undefined> {
  const place = placeOf(path);
  if (place === undefined) return undefined;
  if (statSync(place).isFile()) return hashFile(place);
  if (!statSync(place).isDirectory()) return undefined;
  const hash = createHash('sha256');
  const manifest = join(place, MANIFEST);
  const files = existsSync(manifest) ? [manifest] : filesBelow(place);
  for (const file of files) hash.update(`${file.slice(place.length)}\n${await hashFile(file)}\n`);
  return hash.digest('hex');
}

/** The checkpoint of a run, else the path itself; undefined where it is not there. */
function placeOf(path: string): string | undefined {
  const isBest = !existsSync(path) && basename(path) === 'best';
  const run = isBest ? dirname(path) : path;
  const pointer = join(run, CHECKPOINTS, isBest ? 'best' : 'latest');
  if (existsSync(join(run, CONFIG)) && existsSync(pointer)) {
    const checkpoint = join(run, CHECKPOINTS, readFileSync(pointer, 'utf8').trim());
    return existsSync(checkpoint) ? checkpoint : undefined;
  }
  return existsSync(path) ? path : undefined;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
