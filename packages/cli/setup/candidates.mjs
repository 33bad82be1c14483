import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { aptDistribution } from './apt-repositories.mjs';
import { lavapipeSources, unpackLavapipe } from './lavapipe-unpack.mjs';
import { writeNodeWrapper } from './node-wrapper.mjs';
import { SetupError } from './setup-error.mjs';
import { icdVariables, prepareSwiftShader } from './swiftshader.mjs';

/** @typedef {import('./choose-adapter.mjs').Candidate} Candidate */

const KINDS = ['hardware', 'system', 'lavapipe', 'lavapipe-backports', 'swiftshader'];
const ICD_FOLDERS = ['/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d'];

/**
 * Every way to get an adapter on this machine, best first, or those of one kind. `lavapipe-backports` is only taken
 * where it is asked for: the older driver, for tests.
 *
 * @param {object} options
 * @param {string} options.node the plain Node executable
 * @param {string} options.cache
 * @param {NodeJS.ProcessEnv} options.env the user's environment
 * @param {(line: string) => void} options.log
 * @returns {Candidate[]}
 * @throws {SetupError} where DAWNGRAD_GPU is none of the kinds
 */
export function adapterCandidates({ node, cache, env, log }) {
  const wanted = env.DAWNGRAD_GPU || undefined;
  if (wanted !== undefined && !KINDS.includes(wanted)) {
    throw new SetupError(`DAWNGRAD_GPU=${wanted} is not one of ${KINDS.join(', ')} (unset: the first that works)`, 2);
  }
  /** @type {Candidate[]} */
  const candidates = [
    {
      kind: 'hardware',
      title: 'hardware adapter',
      prepare: () => ({ node, env: {} }),
      refuse: (adapter) =>
        adapter.software ? `Dawn's default adapter is a software driver, ${adapter.name}` : undefined,
    },
  ];
  if (process.platform === 'linux') {
    const runtime = runtimeFolder(cache, env);
    candidates.push(
      {
        kind: 'system',
        title: "the system's lavapipe",
        prepare: () => ({ node, env: { ...runtime, ...systemDriver(env) } }),
      },
      ...lavapipeCandidates(node, cache, runtime, log, wanted === 'lavapipe-backports'),
      {
        kind: 'swiftshader',
        title: 'SwiftShader',
        prepare: async () => ({ node, env: { ...runtime, ...(await prepareSwiftShader(cache, log)) } }),
      },
    );
  }
  return wanted === undefined ? candidates : candidates.filter((candidate) => candidate.kind === wanted);
}

/**
 * @param {string} node
 * @param {string} cache
 * @param {Record<string, string>} runtime
 * @param {(line: string) => void} log
 * @param {boolean} older whether to leave out the most recent Mesa
 * @returns {Candidate[]}
 */
function lavapipeCandidates(node, cache, runtime, log, older) {
  const kind = older ? 'lavapipe-backports' : 'lavapipe';
  const distribution = aptDistribution();
  if (distribution === undefined) {
    const prepare = () => {
      throw new Error('only Debian and Ubuntu packages can be unpacked without root');
    };
    return [{ kind, title: 'unpacked lavapipe', prepare }];
  }
  const sources = lavapipeSources(distribution).slice(older ? 1 : 0);
  return sources.map((source) => ({
    kind,
    title: `unpacked ${source.name}`,
    prepare: async () => {
      const { icd, loader, libraryFolders } = await unpackLavapipe(cache, source, log);
      const variables = { ...runtime, ...icdVariables(icd) };
      return { node: writeNodeWrapper(cache, { loader, libraryFolders, node, env: variables }), env: variables };
    },
  }));
}

/**
 * The driver that the user's own environment names, or else the system's lavapipe.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Record<string, string>}
 */
function systemDriver(env) {
  if (env.VK_DRIVER_FILES || env.VK_ICD_FILENAMES) return {};
  for (const folder of ICD_FOLDERS) {
    if (!existsSync(folder)) continue;
    const name = readdirSync(folder).find((file) => file.startsWith('lvp_icd') && file.endsWith('.json'));
    if (name !== undefined) return icdVariables(join(folder, name));
  }
  throw new Error('not installed');
}

/**
 * Mesa warns on every start where this variable is missing.
 *
 * @param {string} cache
 * @param {NodeJS.ProcessEnv} env
 * @returns {Record<string, string>}
 */
function runtimeFolder(cache, env) {
  if (env.XDG_RUNTIME_DIR) return {};
  const folder = join(cache, 'runtime');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return { XDG_RUNTIME_DIR: folder };
}
