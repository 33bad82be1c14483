import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Bundle, bundleSources } from '../bundle-sources.ts';

let bundle: Bundle;
beforeAll(async () => {
  bundle = await bundleSources({ lock: 'src/run/run-lock.ts' });
});
afterAll(() => bundle.remove());

/** Tries many times in a row; prints `in` and `out` around its turns, which must never overlap. */
const CONTENDER = `
import { appendFileSync } from 'node:fs';
import { lockRun } from './lock.mjs';
const [folder, log] = process.argv.slice(2);
let turns = 0;
const end = Date.now() + 1500;
while (Date.now() < end) {
  let lock;
  try { lock = lockRun(folder); } catch (error) { if (error.code !== 'config') throw error; await new Promise((r) => setTimeout(r, 1)); continue; }
  appendFileSync(log, 'in\\n');
  turns++;
  await new Promise((r) => setTimeout(r, turns % 3));
  appendFileSync(log, 'out\\n');
  lock[Symbol.dispose ?? Object.getOwnPropertySymbols(lock)[0]]();
}
console.log(turns);
`;

it('a run directory has one holder at a time, also where a stale lock is contended for', async () => {
  const folder = mkdtempSync(join(bundle.folder, 'run-'));
  const log = join(bundle.folder, 'turns.log');
  writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: 2 ** 22 + 1, started: '1', host: hostname() }));
  writeFileSync(log, '');
  const results = await Promise.all([1, 2, 3].map(() => bundle.run(CONTENDER, [folder, log])));
  for (const { code, stderr } of results) expect(code, stderr).toBe(0);
  const turns = results.reduce((sum, { stdout }) => sum + Number(stdout), 0);
  expect(turns).toBeGreaterThan(20);
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(2 * turns);
  expect(lines.every((line, i) => line === (i % 2 === 0 ? 'in' : 'out'))).toBe(true);
  rmSync(folder, { recursive: true });
});
