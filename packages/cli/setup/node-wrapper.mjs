import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes an executable named `node` that runs Node on an unpacked C library, and returns its path.
 *
 * Node started through a dynamic loader believes that the loader is its own executable, so `child_process.fork` and
 * `spawn(process.execPath)` would run the loader on a script. The wrapper therefore preloads a line that names the
 * wrapper instead; worker threads preload it too. Its folder can be put first in PATH, for scripts that start `node`.
 *
 * @param {string} cache
 * @param {{ loader: string, libraryFolders: readonly string[], node: string, env: Record<string, string> }} parts
 * @returns {string}
 */
export function writeNodeWrapper(cache, { loader, libraryFolders, node, env }) {
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
  const libraries = quoted(libraryFolders.join(':'));
  // An argv[0] that names Node itself lets a process that was started this way find the plain executable again.
  const text = (/** @type {string} */ folder) =>
    `#!/bin/sh\n${exports.join('')}exec ${quoted(loader)} --library-path ${libraries} ${quoted(node)} --require ${quoted(join(folder, PRELOAD))} "$@"\n`;
  const id = createHash('sha256').update(text('')).update(PRELOAD_TEXT).digest('hex').slice(0, 12);
  const folder = join(cache, `node-${id}`);
  const wrapper = join(folder, 'node');
  if (existsSync(wrapper)) return wrapper;
  const partial = `${folder}.${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial);
  writeFileSync(join(partial, PRELOAD), PRELOAD_TEXT);
  writeFileSync(join(partial, 'node'), text(folder));
  chmodSync(join(partial, 'node'), 0o755);
  try {
    renameSync(partial, folder);
  } catch (error) {
    // Another process made the same wrapper in between.
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(wrapper)) throw error;
  }
  return wrapper;
}

const PRELOAD = 'exec-path.cjs';
const PRELOAD_TEXT = `// Makes child_process.fork and spawn(process.execPath) start the wrapper and not the dynamic loader.
const wrapper = require('node:path').join(__dirname, 'node');
process.execPath = wrapper;
process.argv[0] = wrapper;
// Forks get execArgv, to which the wrapper adds the preload again.
const at = process.execArgv.indexOf(__filename);
if (at > 0) process.execArgv.splice(at - 1, 2);
// A worker thread preloads what its process did, unless it is given arguments of its own, as test runners do.
const threads = require('node:worker_threads');
threads.Worker = class Worker extends threads.Worker {
  constructor(file, options) {
    const execArgv = options?.execArgv && ['--require', __filename, ...options.execArgv];
    super(file, execArgv ? { ...options, execArgv } : options);
  }
};
require('node:module').syncBuiltinESMExports();
`;

/** @param {string} text */
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
