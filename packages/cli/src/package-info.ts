import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Version of the npm package that brings Dawn. */
export function dawnVersion(): string {
  return packageVersion(join(dirname(createRequire(import.meta.url).resolve('webgpu')), 'package.json'));
}

export function dawngradVersion(): string {
  return packageVersion(join(packageFolder(), 'package.json'));
}

/** The folder of @dawngrad/cli, from its sources as from its bundle. */
export function packageFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (folder === dirname(folder) || packageName(join(folder, 'package.json')) === '@dawngrad/cli') return folder;
  }
}

function packageVersion(path: string): string {
  return String(JSON.parse(readFileSync(path, 'utf8')).version);
}

function packageName(path: string): string | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).name;
  } catch {
    // No package.json here.
    return undefined;
  }
}
