import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** @typedef {{ id: string, codename: string }} Distribution */
/** @typedef {{ uri: string, suite: string }} Repository */

/**
 * The running distribution, where it is Debian, Ubuntu or built on one of their releases; undefined otherwise.
 *
 * @param {string} [osRelease] text of /etc/os-release
 * @returns {Distribution | undefined}
 */
export function aptDistribution(osRelease = readIfThere('/etc/os-release')) {
  const fields = new Map();
  for (const line of osRelease.split('\n')) {
    const match = /^(\w+)="?([^"]*)"?$/.exec(line.trim());
    if (match) fields.set(match[1], match[2]);
  }
  const ubuntu = fields.get('UBUNTU_CODENAME');
  if (ubuntu) return { id: 'ubuntu', codename: ubuntu };
  const id = fields.get('ID') === 'ubuntu' ? 'ubuntu' : 'debian';
  const codename = fields.get('DEBIAN_CODENAME') ?? fields.get('VERSION_CODENAME');
  const isDebian = fields.get('ID') === 'debian' || (fields.get('ID_LIKE') ?? '').split(' ').includes('debian');
  return codename && (isDebian || id === 'ubuntu') ? { id, codename } : undefined;
}

/**
 * Where this machine's apt gets the distribution itself from. Reads apt's own configuration and works with empty
 * package lists and without root: `update --print-uris` only says what an update would fetch.
 *
 * @param {Distribution} distribution
 * @param {string} [printed] output of `apt-get update --print-uris`
 * @returns {Repository[]} repositories with the release's `main`, likeliest first; the caller's signature check
 *   refuses one that is not the distribution's own
 */
export function aptRepositories(distribution, printed = printUris()) {
  /** @type {Map<string, Repository>} */
  const found = new Map();
  for (const [, uri, suite] of printed.matchAll(/^'([^']+?)\/dists\/([^/']+)\/main\/binary-/gm)) {
    if (uri === undefined || suite === undefined) continue;
    if (suite === distribution.codename || suite.startsWith(`${distribution.codename}-`)) {
      found.set(`${uri} ${suite}`, { uri, suite });
    }
  }
  const ownName = new RegExp(`/${distribution.id}/?$`);
  /** @param {Repository} r */
  const rank = (r) => (ownName.test(r.uri) ? 0 : 2) + (r.suite === distribution.codename ? 0 : 1);
  return [...found.values()].sort((a, b) => rank(a) - rank(b));
}

/**
 * The keyring that apt checks the distribution's signatures with.
 *
 * @param {Distribution} distribution
 */
export function archiveKeyring(distribution) {
  const stem = `/usr/share/keyrings/${distribution.id}-archive-keyring`;
  const keyring = [`${stem}.gpg`, `${stem}.pgp`].find((path) => existsSync(path));
  if (keyring === undefined) throw new Error(`${stem}.gpg is missing, so downloads could not be verified`);
  return keyring;
}

/**
 * Does the work with one repository after another until one serves it; throws what the first one said.
 *
 * @param {readonly { uri: string }[]} repositories
 * @param {(uri: string) => Promise<void>} work
 */
export async function firstThatWorks(repositories, work) {
  const uris = [...new Set(repositories.map((repository) => repository.uri))];
  if (uris.length === 0) throw new Error("apt's sources do not name the distribution's own archive");
  /** @type {unknown} */
  let failure;
  for (const uri of uris) {
    try {
      await work(uri);
      return;
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

function printUris() {
  try {
    return execFileSync('apt-get', ['update', '--print-uris'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    const missing = /** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT';
    throw new Error(missing ? 'this system has no apt-get' : 'apt-get cannot read its sources');
  }
}

/** @param {string} path */
function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
