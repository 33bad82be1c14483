// The one way into the repository: `npm run demo`, `npm test` and the others all start here. Runs before anything is
// installed, so it uses nothing but Node, and loads the rest only once Node is known to be new enough.
import { fileURLToPath } from 'node:url';

const TARGETS = ['demo', 'study', 'test', 'fuzz', 'crash', 'slurm', 'adapters', 'check', 'bench', 'cli', 'adapter'];
const OLDEST = { major: 20, minor: 20 };

const root = fileURLToPath(new URL('../../..', import.meta.url));
const [target = '', ...args] = process.argv.slice(2);

/** @param {string} step */
const logger = (step) => (/** @type {string} */ line) => process.stderr.write(`${step}: ${line}\n`);

async function start() {
  if (!TARGETS.includes(target)) {
    logger('usage')(`node packages/cli/setup/start.mjs ${TARGETS.join('|')} [arguments]`);
    return 2;
  }
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor)) {
    logger('node')(
      `${process.version} is too old: dawngrad needs Node ${OLDEST.major}.${OLDEST.minor} or newer.\n` +
        'Get it from nodejs.org, or with a version manager: `nvm install 22`, `fnm install 22`, `volta install node@22`.',
    );
    return 1;
  }
  logger('node')(process.version);
  const { installDependencies } = await import('./dependencies.mjs');
  await installDependencies(root, logger('dependencies'));
  if (target === 'check') {
    const { check } = await import('./check.mjs');
    return check(root, logger('check'));
  }
  if (target === 'adapter') {
    await findAdapter();
    return 0;
  }
  if (target === 'fuzz') {
    const { fuzz } = await import('./test-fuzz.mjs');
    return fuzz(root, args, await findAdapter());
  }
  if (target === 'crash') {
    const { runTests } = await import('./test-run.mjs');
    const { node, env } = await findAdapter();
    return runTests(root, ['packages/cli/test/crash/', ...args], { node, env: { ...env, DAWNGRAD_CRASH: 'all' } });
  }
  if (target === 'slurm') {
    const { runTests } = await import('./test-run.mjs');
    const { node, env } = await findAdapter();
    return runTests(root, ['packages/cli/test/sweep/slurm.test.ts', ...args], {
      node,
      env: { ...env, DAWNGRAD_SLURM: 'install' },
    });
  }
  if (target === 'adapters') {
    const { testAdapters } = await import('./test-adapters.mjs');
    return testAdapters(root, args, process.env, logger('adapters'));
  }
  const { build } = await import('./build.mjs');
  await build(root, logger('build'));
  return run();
}

const gpuLog = logger('gpu');
const announce = (/** @type {{ name: string, kind: string }} */ { name, kind }) => gpuLog(`${name} (${kind})`);

async function findAdapter() {
  const { prepareAdapter } = await import('./launcher.mjs');
  const adapter = await prepareAdapter(process.env, gpuLog);
  announce(adapter);
  return adapter;
}

async function run() {
  const { launch, needsAdapter } = await import('./launcher.mjs');
  const { runChild } = await import('./run-child.mjs');
  if (target === 'demo' || target === 'study' || target === 'cli') {
    const command = target === 'cli' ? args : [target, ...args];
    if (needsAdapter(command)) return launch(command, process.env, gpuLog, announce);
    return runChild(process.execPath, [`${root}/packages/cli/bin/dawngrad.mjs`, ...command]);
  }
  const adapter = await findAdapter();
  if (target === 'bench') return runChild(adapter.node, [`${root}/bench/dist/main.js`, ...args], { env: adapter.env });
  const { runTests } = await import('./test-run.mjs');
  return runTests(root, args, adapter);
}

start().then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    const isExpected = error?.name === 'SetupError';
    logger(target)(isExpected ? error.message : String(error?.stack ?? error));
    process.exitCode = isExpected ? error.exitCode : 1;
  },
);
