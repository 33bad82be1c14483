import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of a file or folder of the shared data beside the repository; the second value says whether it is there. */
export function sharedData(path: string): { readonly path: string; readonly isPresent: boolean } {
  const full = fileURLToPath(new URL(`../../../../shared/data/${path}`, import.meta.url));
  return { path: full, isPresent: existsSync(full) };
}
