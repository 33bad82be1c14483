import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HubRepo } from '@dawngrad/models/node';
import { ENVIRONMENT } from './run-directory.ts';
import type { InputRole } from './run-inputs.ts';

/**
 * The commit of a hub's repository that a run started with, from the paths of the files that it read. Undefined where
 * the run has none on record: opening it says what is wrong, if anything is.
 */
export function startingCommit(
  directory: string,
  role: InputRole,
  type: HubRepo['type'],
  name: string,
): string | undefined {
  const place = `${type}s--${name.replace('/', '--')}/snapshots/`;
  for (const path of recordedPaths(directory, role)) {
    const [commit = ''] = (path.replaceAll('\\', '/').split(`/${place}`)[1] ?? '').split('/');
    if (/^[0-9a-f]{40}$/.test(commit)) return commit;
  }
  return undefined;
}

function recordedPaths(directory: string, role: InputRole): readonly string[] {
  try {
    const { starts } = JSON.parse(readFileSync(join(directory, ENVIRONMENT), 'utf8'));
    return Object.keys(starts[0].dataHashes[role] ?? {});
  } catch {
    // No such file, or another form of it.
    return [];
  }
}
