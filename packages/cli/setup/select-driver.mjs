import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './cache-folder.mjs';
import { adapterCandidates } from './candidates.mjs';
import { chooseAdapter, NoAdapterError } from './choose-adapter.mjs';
import { probeLaunch } from './probe-launch.mjs';

/** @typedef {import('./choose-adapter.mjs').Choice} Choice */
/** @typedef {import('./choose-adapter.mjs').Rejection} Rejection */

/** What decides which adapter Dawn finds, apart from the user's variables. A file's time stands for its contents. */
const WATCHED = [
  '/etc/vulkan/icd.d',
  '/usr/local/share/vulkan/icd.d',
  '/usr/share/vulkan/icd.d',
  '/usr/lib/x86_64-linux-gnu/libvulkan.so.1',
  '/usr/lib/aarch64-linux-gnu/libvulkan.so.1',
  '/usr/lib64/libvulkan.so.1',
  '/usr/lib/chromium/libvk_swiftshader.so',
  '/dev/dri',
  '/dev/nvidiactl',
  '/dev/kfd',
  '/dev/dxg',
];
const VARIABLES =
  /^(VK_|MESA_|LIBGL_|GALLIUM_|LP_|__NV|DRI_|(LD_LIBRARY_PATH|DAWNGRAD_GPU|HIP_VISIBLE_DEVICES|CUDA_VISIBLE_DEVICES|XDG_RUNTIME_DIR)$)/;

/**
 * The adapter to use, and how to start Node so that it sees it. Probing takes seconds, and the first time on a machine
 * without a GPU a download; so the choice is remembered until something that it rests on changes.
 *
 * @param {object} options
 * @param {string} options.node the plain Node executable
 * @param {NodeJS.ProcessEnv} options.env the user's environment, without an earlier choice in it
 * @param {(line: string) => void} options.log told of every step of a fresh choice
 * @returns {Promise<Choice>}
 * @throws {NoAdapterError} where no candidate works
 */
export async function selectDriver({ node, env, log }) {
  const cache = cacheFolder(env);
  const candidates = adapterCandidates({ node, cache, env, log });
  const key = choiceKey(node, env);
  const path = join(cache, `choice-${env.DAWNGRAD_GPU || 'auto'}.json`);
  const remembered = readChoice(path, key);
  if (remembered !== undefined) return remembered;
  const probe = (/** @type {import('./probe-launch.mjs').Launch} */ launch) => probeLaunch(launch, env);
  /** @param {readonly Rejection[]} rejected */
  const logRejected = (rejected) => {
    for (const { title, reason } of rejected) log(`${title}: not taken, ${reason}`);
  };
  const choice = await chooseAdapter(candidates, probe).catch((error) => {
    if (error instanceof NoAdapterError) logRejected(error.rejected);
    throw error;
  });
  logRejected(choice.rejected);
  log(`${choice.kind}: taken, ${choice.name} (${choice.reason})`);
  writeChoice(path, { key, choice, until: rememberUntil(choice, Date.now()) });
  return choice;
}

/**
 * How long a choice may be remembered, in ms since 1970. One that was taken because a better driver could not be
 * downloaded is looked at again the next day, when there may be a network; any other stays until its key changes.
 *
 * @param {Choice} choice
 * @param {number} now
 * @returns {number | null} null: without end
 */
export function rememberUntil(choice, now) {
  return choice.rejected.some(({ kind }) => kind === 'lavapipe') ? now + 24 * 3600 * 1000 : null;
}

/**
 * A hash of everything that the choice rests on.
 *
 * @param {string} node
 * @param {NodeJS.ProcessEnv} env
 * @returns {string}
 */
export function choiceKey(node, env) {
  const require = createRequire(import.meta.url);
  const setup = fileURLToPath(new URL('.', import.meta.url));
  const dawn = require.resolve('webgpu');
  const variables = Object.keys(env)
    .filter((name) => VARIABLES.test(name))
    .sort()
    .map((name) => [name, env[name]]);
  const named = [env.VK_DRIVER_FILES, env.VK_ICD_FILENAMES].flatMap((list) => (list ? list.split(':') : []));
  const facts = {
    // The wrapper and the order of candidates come from here.
    setup: [setup, stamp(setup)],
    system: [process.platform, process.arch, release()],
    node: [node, process.version, stamp(node)],
    dawn: [JSON.parse(readFileSync(join(dawn, '../package.json'), 'utf8')).version, stamp(dawn)],
    variables,
    files: [...WATCHED, ...named].map(stamp),
  };
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

/**
 * Changes when a file does, or when any file of a folder does.
 *
 * @param {string} path
 * @returns {unknown}
 */
function stamp(path) {
  if (!existsSync(path)) return null;
  const status = statSync(path);
  // Device nodes are touched by use: their presence counts, not their time.
  if (path.startsWith('/dev/')) return status.isDirectory() ? readdirSync(path).sort() : 'present';
  if (!status.isDirectory()) return [status.mtimeMs, status.size];
  return readdirSync(path)
    .sort()
    .map((name) => [name, stamp(join(path, name))]);
}

/**
 * @param {string} path
 * @param {string} key
 * @returns {Choice | undefined}
 */
function readChoice(path, key) {
  try {
    const { key: storedKey, choice, until } = JSON.parse(readFileSync(path, 'utf8'));
    if (until !== null && Date.now() > until) return undefined;
    const driver = choice.launch.env.VK_DRIVER_FILES ?? choice.launch.node;
    return storedKey === key && existsSync(choice.launch.node) && existsSync(driver) ? choice : undefined;
  } catch {
    // Not there, or not readable: choosing again costs seconds and is always right.
    return undefined;
  }
}

/**
 * @param {string} path
 * @param {{ key: string, choice: Choice, until: number | null }} remembered
 */
function writeChoice(path, remembered) {
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, JSON.stringify(remembered, null, 1));
  renameSync(partial, path);
}
