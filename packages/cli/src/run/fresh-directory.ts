import { existsSync, readdirSync } from 'node:fs';

/** `path` if nothing is in it yet, else the first of `path-2`, `path-3`, ... with nothing in it. */
export function freshDirectory(path: string): string {
  for (let count = 1; ; count++) {
    const candidate = count === 1 ? path : `${path}-${count}`;
    if (!existsSync(candidate) || readdirSync(candidate).length === 0) return candidate;
  }
}
