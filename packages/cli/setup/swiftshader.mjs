import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { aptDistribution, aptRepositories, archiveKeyring, firstThatWorks } from './apt-repositories.mjs';
import { aptUnpack } from './apt-unpack.mjs';

const ICD = 'vk_swiftshader_icd.json';
/** Chromium ships SwiftShader with a Vulkan loader beside it, and its description names the driver relatively. */
const FILES = [ICD, 'libvk_swiftshader.so', 'libvulkan.so.1'];
const INSTALLED = ['/usr/lib/chromium', '/usr/lib64/chromium-browser', '/opt/google/chrome', '/opt/google/chrome-beta'];

/**
 * SwiftShader of an installed Chromium, or else of the distribution's Chromium package unpacked into the cache.
 *
 * @param {string} cache
 * @param {(line: string) => void} log
 * @param {readonly string[]} [browsers] folders in which an installed Chromium may lie
 * @returns {Promise<Record<string, string>>} environment that selects it
 */
export async function prepareSwiftShader(cache, log, browsers = INSTALLED) {
  const installed = browsers.find((folder) => FILES.every((name) => existsSync(join(folder, name))));
  const folder = installed === undefined ? await unpack(cache, log) : linked(cache, installed);
  return { ...icdVariables(join(folder, ICD)), LD_LIBRARY_PATH: folder };
}

/**
 * The two names by which Vulkan loaders, new and old, are told to use one driver only.
 *
 * @param {string} icd
 */
export function icdVariables(icd) {
  return { VK_DRIVER_FILES: icd, VK_ICD_FILENAMES: icd };
}

/**
 * A folder with nothing but the three files: a whole browser's folder in LD_LIBRARY_PATH would lend its libGLESv2 and
 * others to every program started from here.
 *
 * @param {string} cache
 * @param {string} installed
 */
function linked(cache, installed) {
  const folder = join(cache, `swiftshader-${installed.replaceAll('/', '-').slice(1)}`);
  if (FILES.every((name) => existsSync(join(folder, name)))) return folder;
  const partial = `${folder}.${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial);
  for (const name of FILES) symlinkSync(join(installed, name), join(partial, name));
  rmSync(folder, { recursive: true, force: true });
  try {
    renameSync(partial, folder);
  } catch (error) {
    // Another process made the same folder in between.
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(join(folder, ICD))) throw error;
  }
  return folder;
}

/**
 * @param {string} cache
 * @param {(line: string) => void} log
 */
async function unpack(cache, log) {
  const distribution = aptDistribution();
  if (distribution === undefined) throw new Error('no Chromium is installed whose SwiftShader could be used');
  if (distribution.id === 'ubuntu') throw new Error("no Chromium is installed, and Ubuntu's package of it is a snap");
  const { codename } = distribution;
  const folder = join(cache, `swiftshader-${codename}-${process.arch}`);
  if (!existsSync(folder)) {
    const keyring = archiveKeyring(distribution);
    await firstThatWorks(aptRepositories(distribution), (uri) => {
      log(`unpacking SwiftShader from chromium-common into ${cache} (about 30 MB to download, no root) ...`);
      const packages = ['chromium-common'];
      return aptUnpack({
        folder,
        uri,
        suites: [codename],
        keyring,
        packages,
        dependencies: false,
        finish: keepDriver,
        log,
      });
    });
  }
  return folder;
}

/** @param {string} root */
function keepDriver(root) {
  for (const name of FILES) {
    const path = join(root, 'usr/lib/chromium', name);
    if (!existsSync(path)) throw new Error(`chromium-common holds no ${name}`);
    renameSync(path, join(root, name));
  }
  for (const name of readdirSync(root)) {
    if (!FILES.includes(name) && name !== 'packages.txt') rmSync(join(root, name), { recursive: true });
  }
}
