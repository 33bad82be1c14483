import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainNode } from '../../setup/driver-environment.mjs';
import { prepareAdapter } from '../../setup/launcher.mjs';
import { writeNodeWrapper } from '../../setup/node-wrapper.mjs';

const WEBGPU = JSON.stringify(import.meta.resolve('webgpu'));
const LOADER = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'].find((path) => existsSync(path));

/** Starts node in every way that programs do; each child reports what it sees. */
const PARENT = `
  import { fork, spawnSync } from 'node:child_process';
  import { Worker } from 'node:worker_threads';
  const child = process.argv[2];
  const said = (result) => String(result.stdout).trim();
  const listener = (worker) => new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
  const forked = await new Promise((resolve, reject) =>
    fork(child, ['send']).on('message', resolve).on('error', reject).on('exit', (code) => code && reject(new Error('exit ' + code))));
  const worker = await listener(new Worker(child, { argv: ['post'] }));
  const configuredWorker = await listener(new Worker(child, { argv: ['post'], execArgv: ['--no-warnings'] }));
  console.log(JSON.stringify({
    forked,
    worker,
    configuredWorker,
    execPath: said(spawnSync(process.execPath, [child])),
    byName: said(spawnSync('node', [child])),
    grandchild: said(spawnSync(process.execPath, ['-e', \`console.log(String(require('node:child_process').spawnSync(process.execPath, [\${JSON.stringify(child)}]).stdout))\`])),
  }));`;

const WAYS = ['forked', 'worker', 'configuredWorker', 'execPath', 'byName', 'grandchild'];
const everywhere = (seen: string) => Object.fromEntries(WAYS.map((way) => [way, seen]));

describe('a child process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dawngrad-child-'));
  const parent = join(folder, 'parent.mjs');
  const child = (report: string) => {
    const path = join(folder, 'child.mjs');
    writeFileSync(
      path,
      `import { parentPort } from 'node:worker_threads';
       const report = ${report};
       if (process.argv[2] === 'send') process.send(report, () => process.exit());
       else if (process.argv[2] === 'post') parentPort.postMessage(report);
       else console.log(report);
       if (process.argv[2] !== 'post') process.exitCode = 0;`,
    );
    return path;
  };
  const run = (node: string, args: string[], env: NodeJS.ProcessEnv) => {
    const result = spawnSync(node, [parent, ...args], { env, encoding: 'utf8', timeout: 60_000 });
    expect(result.status, result.stderr).toBe(0);
    return JSON.parse(result.stdout);
  };
  beforeAll(() => writeFileSync(parent, PARENT));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('sees the adapter that was chosen, however it was started', async () => {
    const target = await prepareAdapter(process.env, () => undefined);
    const describeAdapter = `await (async () => {
      const { create } = await import(${WEBGPU});
      const adapter = await create([]).requestAdapter();
      return adapter === null ? 'none' : adapter.info.description || adapter.info.device;
    })()`;
    const seen = run(target.node, [child(describeAdapter)], target.env);
    expect(seen).toEqual(everywhere(target.name));
  });

  it.skipIf(LOADER === undefined)('of a wrapped Node starts the wrapper again, also from a folder with a quote', () => {
    const cache = mkdtempSync(join(folder, "it's a cache "));
    const wrapper = writeNodeWrapper(cache, {
      loader: LOADER ?? '',
      libraryFolders: ['/nowhere'],
      node: plainNode(process.env),
      env: { DAWNGRAD_PROOF: "it's set" },
    });
    const env = { ...process.env, PATH: `${join(wrapper, '..')}:${process.env.PATH}` };
    const seen = run(wrapper, [child("process.execPath + ' ' + process.env.DAWNGRAD_PROOF")], env);
    expect(seen).toEqual(everywhere(`${wrapper} it's set`));
  });
});
