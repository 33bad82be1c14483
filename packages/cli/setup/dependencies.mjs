import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withFolderLock } from './folder-lock.mjs';
import { runChild } from './run-child.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * @typedef {object} LockedPackage
 * @property {string} [version]
 * @property {string} [integrity]
 * @property {boolean} [optional]
 * @property {boolean} [link]
 */

/**
 * Whether node_modules holds what a lockfile asks for. npm writes node_modules/.package-lock.json when an
 * installation is complete, so one that was cut off, or made from another lockfile, is seen.
 *
 * @param {string} root
 * @returns {string | undefined} what is amiss, undefined where nothing is
 */
export function dependenciesAmiss(root) {
  const installedPath = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installedPath)) return 'not installed yet';
  const wanted = readPackages(join(root, 'package-lock.json'));
  const installed = readPackages(installedPath);
  for (const [path, entry] of Object.entries(wanted)) {
    // Optional ones are there only on their own platform, links are this repository's own packages.
    if (!path.includes('node_modules/') || entry.optional || entry.link) continue;
    const found = installed[path];
    if (found === undefined || !existsSync(join(root, path))) return `${path} is missing`;
    if (found.version !== entry.version || found.integrity !== entry.integrity)
      return `${path} is not ${entry.version}`;
  }
  return undefined;
}

/**
 * @param {string} path
 * @returns {Record<string, LockedPackage>}
 */
function readPackages(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages;
}

/**
 * Installs the locked dependencies unless they are there.
 *
 * @param {string} root
 * @param {(line: string) => void} log
 */
export async function installDependencies(root, log) {
  if (dependenciesAmiss(root) === undefined) {
    log('up to date');
    return;
  }
  await withFolderLock(join(root, '.install.lock'), async () => {
    const amiss = dependenciesAmiss(root);
    if (amiss === undefined) return;
    log(`npm ci (${amiss}) ...`);
    const npm = npmCommand();
    // Install scripts are neither needed nor run: every native package here comes with its binary inside.
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    const code = await runChild(npm.command, [...npm.args, ...args], { cwd: root, env: npmEnvironment() });
    if (code !== 0)
      throw new SetupError(`npm ci failed with code ${code}: is there a network, or a full npm cache?`, code);
  });
}

/** npm as it runs this very script, or the one in PATH. */
function npmCommand() {
  const script = process.env.npm_execpath;
  if (script?.endsWith('.js')) return { command: process.execPath, args: [script] };
  return { command: process.platform === 'win32' ? 'npm.cmd' : 'npm', args: [] };
}

/** Without the settings that an outer `npm run` hands down, of which npm would complain. */
function npmEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => name !== 'npm_config_omit' && name !== 'NODE_ENV');
  return Object.fromEntries(kept);
}
