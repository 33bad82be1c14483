import { join } from 'node:path';
import { runChild } from './run-child.mjs';

/**
 * What `npm run check` consists of. Every tool is run, so that one run shows all there is to mend.
 *
 * @param {string} root
 * @returns {{ title: string, args: string[] }[]}
 */
function steps(root) {
  const modules = join(root, 'node_modules');
  return [
    { title: 'format and lint', args: [join(modules, '@biomejs/biome/bin/biome'), 'ci', '--error-on-warnings', '.'] },
    { title: 'types of the packages', args: [join(modules, 'typescript/bin/tsc'), '-b'] },
    { title: 'types of tests and setup', args: [join(modules, 'typescript/bin/tsc'), '-p', 'tsconfig.test.json'] },
    { title: 'import rules', args: [join(root, 'packages/cli/setup/import-rules-check.mjs')] },
    { title: 'dead code', args: [join(modules, 'knip/bin/knip.js'), '--treat-config-hints-as-errors'] },
  ];
}

/**
 * @param {string} root
 * @param {(line: string) => void} log
 * @returns {Promise<number>} exit code: 0, or 1 where any step complained
 */
export async function check(root, log) {
  /** @type {string[]} */
  const failed = [];
  for (const { title, args } of steps(root)) {
    const start = performance.now();
    const code = await runChild(process.execPath, args, { cwd: root });
    log(`${title}: ${code === 0 ? 'fine' : 'FAILED'} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
    if (code !== 0) failed.push(title);
    if (code > 128) return code;
  }
  if (failed.length > 0) log(`failed: ${failed.join(', ')}`);
  return failed.length > 0 ? 1 : 0;
}
