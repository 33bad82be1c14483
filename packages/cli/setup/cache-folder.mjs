import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SetupError } from './setup-error.mjs';

/**
 * The user's cache folder of dawngrad, created if missing: unpacked drivers and the remembered choice of adapter.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string}
 */
export function cacheFolder(env) {
  const base =
    env.XDG_CACHE_HOME ||
    (process.platform === 'darwin' ? join(homedir(), 'Library/Caches') : join(homedir(), '.cache'));
  const folder = join(base, 'dawngrad');
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new SetupError(
      `cannot make the cache folder ${folder}: ${error instanceof Error ? error.message : error}\n` +
        'Set XDG_CACHE_HOME to a folder that you may write to.',
    );
  }
  return folder;
}
