import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { prepareAdapter } from './launcher.mjs';
import { runChild } from './run-child.mjs';
import { SetupError } from './setup-error.mjs';
import { matrixText, rowOf } from './test-matrix.mjs';
import { countsLine } from './test-run.mjs';

/** @typedef {import('./test-matrix.mjs').Column} Column */
/** @typedef {import('./test-matrix.mjs').Counts} Counts */

/**
 * @typedef {object} ColumnPlan
 * @property {string} name
 * @property {string} gpu a value of DAWNGRAD_GPU; '' takes the first that works
 * @property {Record<string, string>} [env]
 * @property {readonly string[]} files names, or beginnings of names, of test files
 * @property {readonly string[]} [quick] those that a quick run takes
 * @property {string} [adapter] what to call the adapter, where the tests bring their own
 */

/** What runs on every adapter that computes. */
const DEVICE_TESTS = [
  'packages/tensor/test/',
  'packages/autograd/test/',
  'packages/models/test/decoder/',
  'packages/models/test/nn/',
];
/** Of those, what is generated from the op table, and a model. */
const QUICK_TESTS = [
  'packages/tensor/test/ops.forward',
  'packages/tensor/test/ops/fuzz',
  'packages/tensor/test/ops/special-values',
  'packages/autograd/test/ops.gradient',
  'packages/models/test/decoder/',
];
const QUICK_VARIABLES = { DAWNGRAD_FUZZ_CASES: '10' };
/** They open adapters of their own. */
const OWN_ADAPTER = 'packages/*/test/adapters/**';

/** Every feature that the engine uses where an adapter has it. */
const OPTIONAL_FEATURES = ['shader-f16', 'subgroups', 'timestamp-query', 'chromium-experimental-subgroup-matrix'];

/** @type {readonly ColumnPlan[]} */
const COLUMNS = [
  { name: 'lavapipe', gpu: 'lavapipe', files: DEVICE_TESTS, quick: QUICK_TESTS },
  { name: 'lavapipe-backports', gpu: 'lavapipe-backports', files: DEVICE_TESTS, quick: QUICK_TESTS },
  { name: 'swiftshader', gpu: 'swiftshader', files: DEVICE_TESTS, quick: QUICK_TESTS },
  {
    name: 'no-features',
    gpu: '',
    env: { DAWNGRAD_WITHOUT: OPTIONAL_FEATURES.join(',') },
    files: DEVICE_TESTS,
    quick: QUICK_TESTS,
  },
  {
    name: 'null',
    gpu: '',
    files: ['packages/tensor/test/adapters/', 'packages/autograd/test/adapters/'],
    adapter: "Dawn's null backend, compiled only",
  },
  { name: 'chromium', gpu: '', files: ['packages/models/test/adapters/'], adapter: 'headless Chromium on SwiftShader' },
];

const USAGE = `npm run test:adapters -- [--quick] [--columns ${COLUMNS.map(({ name }) => name).join(',')}]`;

/**
 * The device tests on one adapter after another. Prints a matrix of what ran where, and the counts as its last line.
 *
 * @param {string} root
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} log
 * @returns {Promise<number>} exit code
 */
export async function testAdapters(root, args, env, log) {
  const { plans, quick } = parse(args);
  /** @type {Column[]} */
  const columns = [];
  for (const plan of plans) {
    log(`${plan.name} ...`);
    const start = performance.now();
    columns.push(await runColumn(root, plan, quick, env, log));
    log(`${plan.name}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
  }
  process.stdout.write(`\n${matrixText(columns)}\n\n`);
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const counts of columns.flatMap(({ rows }) => [...rows.values()])) addTo(total, counts);
  total.skipped += columns.filter(({ skipped }) => skipped !== undefined).length;
  process.stdout.write(`${countsLine(total)}\n`);
  return total.failed > 0 ? 1 : 0;
}

/** @param {readonly string[]} args */
function parse(args) {
  let quick = false;
  let names = COLUMNS.map(({ name }) => name);
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--quick') quick = true;
    else if (args[i] === '--columns') names = (args[++i] ?? '').split(',');
    else throw new SetupError(`unexpected ${args[i]}; usage: ${USAGE}`, 2);
  }
  const plans = names.map((name) => {
    const plan = COLUMNS.find((column) => column.name === name);
    if (plan === undefined) throw new SetupError(`no column is called "${name}"; usage: ${USAGE}`, 2);
    return plan;
  });
  return { plans, quick };
}

/**
 * @param {string} root
 * @param {ColumnPlan} plan
 * @param {boolean} quick
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} log
 * @returns {Promise<Column>}
 */
async function runColumn(root, plan, quick, env, log) {
  const { name, gpu } = plan;
  let target;
  try {
    target = await prepareAdapter({ ...env, ...(gpu === '' ? {} : { DAWNGRAD_GPU: gpu }) }, log);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    const lines = error.message.split('\n').filter((line) => line.startsWith('  '));
    return { name, skipped: lines.map((line) => line.trim()).join('; ') || error.message, rows: new Map() };
  }
  const folder = mkdtempSync(join(tmpdir(), 'dawngrad-adapters-'));
  const report = join(folder, 'report.json');
  try {
    const files = quick ? (plan.quick ?? plan.files) : plan.files;
    const exclude = plan.adapter === undefined ? ['--exclude', OWN_ADAPTER] : [];
    const flags = ['run', '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`, ...exclude];
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const code = await runChild(target.node, [vitest, ...flags, ...files], {
      cwd: root,
      env: { ...target.env, ...(quick ? QUICK_VARIABLES : {}), ...plan.env },
    });
    const rows = readRows(root, report, code);
    return { name, adapter: plan.adapter ?? target.name, rows };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} root
 * @param {string} report vitest's JSON report
 * @param {number} code vitest's exit code
 * @returns {Map<string, Counts>}
 */
function readRows(root, report, code) {
  /** @type {Map<string, Counts>} */
  const rows = new Map();
  /** @type {{ name: string, status: string, assertionResults: { status: string }[] }[]} */
  let files = [];
  try {
    files = JSON.parse(readFileSync(report, 'utf8')).testResults;
  } catch {
    // vitest died before it reported.
  }
  for (const { name, status, assertionResults } of files) {
    const row = rowOf(relative(root, name));
    const counts = rows.get(row) ?? { passed: 0, failed: 0, skipped: 0 };
    rows.set(row, counts);
    const failed = assertionResults.filter((test) => test.status === 'failed').length;
    const passed = assertionResults.filter((test) => test.status === 'passed').length;
    const skipped = assertionResults.length - failed - passed;
    // A file that could not be loaded, or a hook that failed, has no failed test of its own.
    addTo(counts, { passed, failed: failed === 0 && status === 'failed' ? 1 : failed, skipped });
  }
  if (code !== 0 && ![...rows.values()].some(({ failed }) => failed > 0)) {
    rows.set(rowOf('packages/tensor/test/'), { passed: 0, failed: 1, skipped: 0 });
  }
  return rows;
}

/**
 * @param {Counts} total
 * @param {Counts} counts
 */
function addTo(total, counts) {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}
