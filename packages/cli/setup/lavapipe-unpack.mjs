import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { aptDistribution, aptRepositories, archiveKeyring, firstThatWorks } from './apt-repositories.mjs';
import { aptUnpack } from './apt-unpack.mjs';

/** @typedef {import('./apt-repositories.mjs').Distribution} Distribution */

// The driver needs a newer C library than the system's, so the system's Node runs on the unpacked one.
const PACKAGES = ['mesa-vulkan-drivers', 'libvulkan1', 'libc6', 'libstdc++6', 'libgcc-s1'];

/** Debian's next release, named and not "testing", so that the same driver is fetched on every machine. */
const RECENT_DEBIAN = 'forky';

const ICD = 'lavapipe-icd.json';

/**
 * @typedef {object} UnpackedDriver
 * @property {string} root
 * @property {string} icd Vulkan's description of the driver
 * @property {string} loader dynamic loader of the unpacked C library
 * @property {string[]} libraryFolders
 */

/**
 * Which package suites to try, the most recent Mesa first.
 *
 * @param {Distribution} distribution
 * @returns {{ name: string, suites: string[], prefer: string }[]}
 */
export function lavapipeSources(distribution) {
  const { id, codename } = distribution;
  if (id === 'ubuntu') {
    const suites = [codename, `${codename}-updates`, `${codename}-security`];
    return [{ name: `lavapipe-${codename}`, suites, prefer: `${codename}-updates` }];
  }
  const recent = { name: `lavapipe-${RECENT_DEBIAN}`, suites: [RECENT_DEBIAN], prefer: RECENT_DEBIAN };
  if (codename === RECENT_DEBIAN) return [recent];
  const backports = `${codename}-backports`;
  return [recent, { name: `lavapipe-${backports}`, suites: [codename, backports], prefer: backports }];
}

/**
 * Mesa's software Vulkan from the distribution's packages, unpacked into the cache unless it is there already.
 *
 * @param {string} cache
 * @param {{ name: string, suites: string[], prefer: string }} source
 * @param {(line: string) => void} log
 * @returns {Promise<UnpackedDriver>}
 */
export async function unpackLavapipe(cache, source, log) {
  const folder = join(cache, `${source.name}-${process.arch}`);
  if (!existsSync(folder)) {
    const distribution = aptDistribution();
    if (distribution === undefined) throw new Error('this system is not built on Debian or Ubuntu packages');
    const keyring = archiveKeyring(distribution);
    await firstThatWorks(aptRepositories(distribution), (uri) => {
      log(`unpacking ${source.name} into ${cache} (about 70 MB to download, 190 MB on disk, no root) ...`);
      const { suites, prefer: preferSuite } = source;
      const finish = (/** @type {string} */ root) => trim(root);
      return aptUnpack({
        folder,
        uri,
        suites,
        preferSuite,
        keyring,
        packages: PACKAGES,
        dependencies: true,
        finish,
        log,
      });
    });
  }
  return describe(folder);
}

/** @param {string} root */
function libraryFoldersOf(root) {
  const triple = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  // Before the merged /usr, the C library lay under /lib.
  return [`usr/lib/${triple}`, `lib/${triple}`].map((path) => join(root, path)).filter((path) => existsSync(path));
}

/**
 * Drops what only other drivers and a real installation need, which is a third of the space.
 *
 * @param {string} root
 */
function trim(root) {
  for (const folder of libraryFoldersOf(root)) {
    for (const name of readdirSync(folder)) {
      const isOtherDriver = /^libvulkan_(?!lvp)/.test(name) || name.startsWith('libVkLayer_');
      if (isOtherDriver || name === 'gconv') rmSync(join(folder, name), { recursive: true });
    }
  }
  for (const name of ['usr/share/doc', 'usr/share/locale', 'usr/share/man', 'usr/share/lintian', 'usr/share/bug']) {
    rmSync(join(root, name), { recursive: true, force: true });
  }
  writeIcd(root);
}

/**
 * Describes the driver to Vulkan's loader by a path relative to the description, as the folder is renamed after this.
 *
 * @param {string} root
 */
function writeIcd(root) {
  const folder = join(root, 'usr/share/vulkan/icd.d');
  const name = existsSync(folder) ? readdirSync(folder).find((file) => file.startsWith('lvp_icd')) : undefined;
  const library = libraryFoldersOf(root)
    .map((path) => join(path, 'libvulkan_lvp.so'))
    .find((path) => existsSync(path));
  if (name === undefined || library === undefined) throw new Error('the packages hold no lavapipe driver');
  const icd = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  icd.ICD.library_path = `./${relative(root, library)}`;
  writeFileSync(join(root, ICD), JSON.stringify(icd));
}

/**
 * @param {string} root
 * @returns {UnpackedDriver}
 */
function describe(root) {
  const libraryFolders = libraryFoldersOf(root);
  const loader = libraryFolders
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .find((path) => /\/ld-linux[^/]*\.so\.\d+$/.test(path));
  if (loader === undefined)
    throw new Error(`${root} holds no dynamic loader; remove the folder to have it unpacked again`);
  return { root, icd: join(root, ICD), loader, libraryFolders };
}
