import { spawn } from 'node:child_process';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { withFolderLock } from './folder-lock.mjs';

/**
 * @typedef {object} AptUnpack
 * @property {string} folder where the files shall lie; it exists only when it is whole
 * @property {string} uri repository, as apt names it
 * @property {readonly string[]} suites all suites that packages may come from
 * @property {string} [preferSuite] the suite that wins where several have a package
 * @property {string} keyring apt checks every download against it
 * @property {readonly string[]} packages
 * @property {boolean} dependencies whether to fetch what they depend on, down to the C library
 * @property {(root: string) => void} finish trims the unpacked tree and adds what is missing; throws if it is no use
 * @property {(line: string) => void} log
 */

/**
 * Downloads packages of the distribution and unpacks them into a folder of the user's own. Needs no root and changes
 * nothing on the system: apt runs on a state folder of its own whose list of installed packages is empty, so it
 * fetches every dependency, and only downloads. Interrupted at any point it leaves no half-made folder.
 *
 * @param {AptUnpack} options
 */
export async function aptUnpack(options) {
  const { folder, log } = options;
  if (existsSync(folder)) return;
  mkdirSync(dirname(folder), { recursive: true });
  const waiting = {
    onWait: (/** @type {number} */ pid) => log(`waiting for process ${pid}, which unpacks the same driver`),
  };
  await withFolderLock(
    `${folder}.lock`,
    async () => {
      if (existsSync(folder)) return;
      const partial = `${folder}.partial`;
      rmSync(partial, { recursive: true, force: true, maxRetries: 5 });
      try {
        await fill(partial, options);
        renameSync(join(partial, 'root'), folder);
      } finally {
        rmSync(partial, { recursive: true, force: true, maxRetries: 5 });
      }
    },
    waiting,
  );
}

/**
 * @param {string} partial
 * @param {AptUnpack} options
 */
async function fill(partial, options) {
  const { uri, suites, preferSuite, keyring, packages, dependencies, finish } = options;
  const root = join(partial, 'root');
  for (const path of ['state/lists/partial', 'cache/archives/partial', 'root']) {
    mkdirSync(join(partial, path), { recursive: true });
  }
  writeFileSync(join(partial, 'status'), '');
  writeFileSync(
    join(partial, 'sources.list'),
    suites.map((suite) => `deb [signed-by=${keyring}] ${uri} ${suite} main\n`).join(''),
  );
  // The machine's own apt.conf.d is read as well, so its proxies and certificates stay in force; so do those of a
  // file that the user names in the variable which this run needs.
  const own = process.env.APT_CONFIG;
  writeFileSync(
    join(partial, 'apt.conf'),
    [
      own && existsSync(own) ? readFileSync(own, 'utf8') : '',
      `Dir::Etc::sourcelist "${partial}/sources.list";`,
      'Dir::Etc::sourceparts "/dev/null";',
      'Dir::Etc::preferences "/dev/null";',
      'Dir::Etc::preferencesparts "/dev/null";',
      `Dir::State "${partial}/state";`,
      `Dir::State::status "${partial}/status";`,
      `Dir::Cache "${partial}/cache";`,
      `Dir::Log "${partial}";`,
      'Acquire::Languages "none";',
      'Acquire::Retries "2";',
      'Acquire::http::Timeout "20";',
      'Acquire::https::Timeout "20";',
      'APT::Sandbox::User "root";',
      'Debug::NoLocking "true";',
      '',
    ].join('\n'),
  );
  const env = {
    ...process.env,
    APT_CONFIG: join(partial, 'apt.conf'),
    LC_ALL: 'C.UTF-8',
    DEBIAN_FRONTEND: 'noninteractive',
  };
  const archives = join(partial, 'cache/archives');
  await runQuietly('apt-get', ['update', '-qq', '--error-on=any'], { env });
  const target = preferSuite === undefined ? [] : ['-t', preferSuite];
  if (dependencies) {
    const flags = ['-y', '-qq', '--no-install-recommends', '--download-only'];
    await runQuietly('apt-get', [...flags, ...target, 'install', ...packages], { env });
  } else {
    await runQuietly('apt-get', ['-qq', ...target, 'download', ...packages], { env, cwd: archives });
  }
  const debs = readdirSync(archives).filter((name) => name.endsWith('.deb'));
  if (debs.length === 0) throw new Error('apt-get downloaded nothing');
  for (const deb of debs) await runQuietly('dpkg-deb', ['-x', join(archives, deb), root], { env });
  writeFileSync(join(root, 'packages.txt'), `${debs.sort().join('\n')}\n`);
  finish(root);
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env: NodeJS.ProcessEnv, cwd?: string }} options
 * @returns {Promise<void>}
 */
function runQuietly(command, args, options) {
  const log = join(dirname(/** @type {string} */ (options.env.APT_CONFIG)), 'output.txt');
  const output = createWriteStream(log);
  const what = [command, args.find((arg) => /^[a-z]/.test(arg)) ?? ''].join(' ').trim();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.pipe(output, { end: false });
    child.stderr.pipe(output, { end: false });
    child.on('error', (error) => reject(new Error(`${command} cannot be started: ${error.message}`)));
    child.on('close', (code) => {
      output.end(() => {
        if (code === 0) resolve();
        else reject(new Error(`${what} failed${firstComplaint(readFileSync(log, 'utf8'))}`));
      });
    });
  });
}

/** @param {string} output */
function firstComplaint(output) {
  const lines = output.split('\n').filter((line) => /^[EW]: |error/i.test(line));
  const line = lines.find((text) => text.startsWith('E: ')) ?? lines[0];
  return line === undefined ? '' : `: ${line.replace(/^[EW]: /, '').slice(0, 200)}`;
}
