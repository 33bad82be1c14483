import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChild } from './run-child.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * @typedef {object} VitestReport what is read of vitest's JSON report
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {number} numTodoTests
 * @property {{ status: string, assertionResults: unknown[] }[]} testResults
 */

/**
 * Runs vitest and prints, as its last line, the counts.
 *
 * @param {string} root
 * @param {readonly string[]} args handed on to vitest
 * @param {{ node: string, env: NodeJS.ProcessEnv }} target
 * @returns {Promise<number>} exit code
 */
export async function runTests(root, args, target) {
  const folder = mkdtempSync(join(tmpdir(), 'dawngrad-test-'));
  const report = join(folder, 'report.json');
  try {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const flags = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const code = await runChild(target.node, [vitest, ...flags, ...args], { cwd: root, env: target.env });
    const counts = readCounts(report, code);
    process.stdout.write(`${countsLine(counts)}\n`);
    return code === 0 && counts.failed > 0 ? 1 : code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} path
 * @param {number} code vitest's exit code
 * @returns {Counts}
 */
function readCounts(path, code) {
  try {
    return countTests(JSON.parse(readFileSync(path, 'utf8')), code);
  } catch {
    // vitest died before it reported.
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/**
 * Counts tests; a file that could not be loaded, and an error outside every test, count as one failure.
 *
 * @param {VitestReport} report
 * @param {number} code vitest's exit code
 * @returns {Counts}
 */
export function countTests(report, code) {
  const unloaded = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  const failed = report.numFailedTests + unloaded.length;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** @param {Counts} counts */
export function countsLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
