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
  const forked = await new Promise((resolve, reject) =>
    fork(child, ['send']).on('message', resolve).on('error', reject).on('exit', (code) => code && reject(new Error('exit ' + code))));
  const worker = await new Promise((resolve, reject) =>
    new Worker(new URL('file://' + child), { argv: ['post'] }).on('message', resolve).on('error', reject));
  console.log(JSON.stringify({
    forked,
    worker,
    execPath: said(spawnSync(process.execPath, [child])),
    byName: said(spawnSync('node', [child])),
    grandchild: said(spawnSync(process.execPath, ['-e', \`console.log(String(require('node:child_process').spawnSync(process.execPath, [\${JSON.stringify(child)}]).stdout))\`])),
    execArgv: process.execArgv,
  }));`;

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
    const { name } = target;
    expect(seen).toEqual({ forked: name, worker: name, execPath: name, byName: name, grandchild: name, execArgv: [] });
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
    const expected = `${wrapper} it's set`;
    expect(seen).toEqual({
      forked: expected,
      worker: expected,
      execPath: expected,
      byName: expected,
      grandchild: expected,
      execArgv: [],
    });
  });
});
