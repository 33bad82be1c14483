import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModelDirectory } from '@dawngrad/models/node';
import { HubServer, largeFile, sha256, variedBytes } from '@dawngrad/models/testing';
import { ToolError } from '@dawngrad/tensor';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { modelFolder } from '../../src/run/model-folder.ts';
import { resolveModel } from '../../src/run/resolve-model.ts';
import { type Bundle, bundleSources } from '../bundle-sources.ts';
import { writeTinyModel } from '../tiny-model.ts';

const NAME = 'tiny/sums';

let hub: HubServer;
let folder: string;
let printed: string;
const err = (text: string): void => {
  printed += text;
};

beforeEach(async () => {
  hub = await HubServer.start();
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-hub-'));
  printed = '';
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_HOME', join(folder, 'home'));
  for (const name of ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_TOKEN', 'HF_HUB_OFFLINE']) vi.stubEnv(name, '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A model that opens, on the hub. */
async function serveTinyModel(): Promise<string> {
  const source = join(folder, 'source');
  await writeTinyModel(source);
  const names = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'];
  const small = names.map((name) => [name, readFileSync(join(source, name), 'utf8')]);
  const weights = readFileSync(join(source, 'model.safetensors'));
  return hub.commit(NAME, { ...Object.fromEntries(small), 'model.safetensors': largeFile(weights) });
}

/** What a promise was rejected with. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('resolveModel', () => {
  it('brings a model of the hub into the cache, from where it opens, and says what it is', async () => {
    const commit = await serveTinyModel();
    const path = await resolveModel(NAME, { err });
    expect(path).toBe(join(folder, 'home/hub/models--tiny--sums/snapshots', commit));
    const model = await openModelDirectory(path);
    expect(model.config.vocabSize).toBe(41);
    expect(printed).toMatch(/^get {4}[\d. ]+\/\d+\.\d kB +\d+% \| - \| eta - \| /);
    expect(printed).toContain(`model: ${NAME} at commit ${commit.slice(0, 12)}, `);
    printed = '';
    expect(await resolveModel(`hf://${NAME}@main`, { err })).toBe(path);
    expect(printed).toBe(`model: ${NAME} at commit ${commit.slice(0, 12)}, in the cache: ${path}\n`);
  });

  it('prefers a folder of that name, and says so where it could be one or the other', async () => {
    // Tests run in the repository's root.
    expect(await resolveModel('packages/cli', { err })).toBe('packages/cli');
    expect(printed).toBe('model: the local folder packages/cli\n');
    printed = '';
    expect(await resolveModel(folder, { err })).toBe(folder);
    mkdirSync(join(folder, 'run'));
    writeFileSync(join(folder, 'run', 'config.lock.json'), '{}');
    expect(await resolveModel(join(folder, 'run'), { err })).toBe(join(folder, 'run'));
    expect(printed).toBe('');
    expect(hub.seen).toEqual([]);
  });

  it('asks nobody for a folder that is not where it should be', async () => {
    for (const name of ['none', './none/model', '/none/model', '../none', 'a/b/c', 'datasets/a/b', '']) {
      expect(await resolveModel(name, { err })).toBe(name);
    }
    const error = await failure(resolveModel('packages/none', { err }));
    expect(error).toBeInstanceOf(ToolError);
    expect(error).toMatchObject({ code: 'config', message: expect.stringContaining('write hf://packages/none') });
    for (const name of ['hf://', 'hf://none', 'hf://datasets/a/b', 'hf://a/b/c']) {
      expect(await failure(resolveModel(name, { err }))).toMatchObject({ code: 'config' });
    }
    expect(hub.seen).toEqual([]);
  });

  it('says that there is no such folder either, where the hub does not have it', async () => {
    const said = 'There is no folder models/base here, so it was taken as an id of the hub.';
    expect(await failure(resolveModel('models/base', { err }))).toMatchObject({
      code: 'config',
      message: expect.stringContaining(said),
    });
    const { message } = (await failure(resolveModel('hf://models/base', { err }))) as ToolError;
    expect(message).not.toContain(said);
  });

  it('gives a run that goes on the commit that it started with', async () => {
    const first = await serveTinyModel();
    const path = await resolveModel(NAME, { err });
    const directory = join(folder, 'run');
    mkdirSync(directory);
    const record = (dataHashes: object): void =>
      writeFileSync(join(directory, 'env.json'), JSON.stringify({ schema: 2, starts: [{ dataHashes }, {}] }));
    const files = hub.repo(NAME).commits.get(first)!;
    const second = hub.commit(NAME, { ...Object.fromEntries(files), 'generation_config.json': '{"eos_token_id": 1}' });
    record({ policy: { [join(path, 'model.safetensors')]: 'x' } });
    const run = { directory, role: 'policy' } as const;
    expect(await modelFolder(NAME, { err, run })).toBe(path);
    // Neither another role nor another model is on the record.
    expect(await modelFolder(NAME, { err, run: { directory, role: 'critic' } })).toContain(second);
    for (const other of [{}, { policy: { [join(folder, first, 'model.safetensors')]: 'x' } }]) {
      record(other);
      expect(await modelFolder(NAME, { err, run })).toContain(second);
    }
    for (const text of ['{', '{}', '[]', '{"starts": []}']) {
      writeFileSync(join(directory, 'env.json'), text);
      expect(await modelFolder(NAME, { err, run })).toContain(second);
    }
  });

  it('prints notes of the download between its lines', async () => {
    await serveTinyModel();
    hub.faults.push({ host: 'cdn', path: /./, times: 1, cutAfter: 1000 });
    await resolveModel(NAME, { err });
    expect(printed).toMatch(/^tiny\/sums\/model\.safetensors: .*; trying again$/m);
  });
});

describe('a download in a process of its own', () => {
  let bundle: Bundle;
  beforeAll(async () => {
    bundle = await bundleSources({
      resolve: 'src/run/resolve-model.ts',
      message: 'src/error-message.ts',
      exit: 'src/exit-code.ts',
    });
  });
  afterAll(() => bundle.remove());

  /** As the command does it; says so when the part of a file that was named to it is there. */
  const COMMAND = `
    import { statSync } from 'node:fs';
    import { resolveModel } from './resolve.mjs';
    import { errorMessage } from './message.mjs';
    import { exitCodeOf } from './exit.mjs';
    const [, , name, partial, size] = process.argv;
    const timer = setInterval(() => {
      if (statSync(partial, { throwIfNoEntry: false })?.size === Number(size)) console.error('it is there');
    }, 10);
    if (partial === undefined) clearInterval(timer);
    timer.unref();
    try {
      console.log(await resolveModel(name));
    } catch (error) {
      console.error(errorMessage(error, { debug: false }));
      process.exitCode = exitCodeOf(error);
    }
  `;
  const WEIGHTS = variedBytes(200_000);
  const files = { 'config.json': '{}', 'tokenizer.json': '{}', 'model.safetensors': largeFile(WEIGHTS) };
  const partial = (): string => join(folder, 'home/hub/models--tiny--big/blobs', `${sha256(WEIGHTS)}.incomplete`);

  it.each([
    ['SIGINT', 130, 'SIGINT: the download stopped. What came stays: the same command goes on from there.\n'],
    ['SIGTERM', 143, 'SIGTERM: the download stopped.'],
    ['SIGKILL', null, ''],
  ] as const)('goes on after %s where it was', async (signal, code, text) => {
    hub.commit('tiny/big', files);
    hub.faults.push({ host: 'cdn', path: /./, times: 1, stallAfter: 150_000 });
    const signals = [{ after: 'it is there', signal }];
    const stopped = await bundle.run(COMMAND, ['tiny/big', partial(), '150000'], { signals });
    expect([stopped.code, stopped.signal]).toEqual([code, code === null ? signal : null]);
    expect(stopped.stderr).toContain(text);
    expect(stopped.stdout).toBe('');
    expect(statSync(partial()).size).toBe(150_000);
    const done = await bundle.run(COMMAND, ['tiny/big']);
    expect(done.stderr).toContain('model: tiny/big at commit');
    expect(done.code).toBe(0);
    expect(readFileSync(join(done.stdout.trim(), 'model.safetensors')).equals(WEIGHTS)).toBe(true);
    expect(hub.seen.at(-1)?.range).toBe('bytes=150000-199999');
  });

  it('is one download for two processes that ask at once', async () => {
    hub.commit('tiny/big', files);
    const runs = await Promise.all([0, 1].map(() => bundle.run(COMMAND, ['tiny/big'])));
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    expect(runs[0]?.stdout).toBe(runs[1]?.stdout);
    expect(hub.paths('cdn')).toHaveLength(1);
  });

  it('ends with the code of its error and one message', async () => {
    hub.commit('tiny/big', files);
    hub.faults.push({ host: 'cdn', path: /./, times: 99, change: (body) => Buffer.from(body).fill(0) });
    const corrupt = await bundle.run(COMMAND, ['tiny/big']);
    expect([corrupt.code, corrupt.stdout]).toEqual([4, '']);
    expect(corrupt.stderr.trim().split('\n').at(-1)).toMatch(
      /^tiny\/big\/model\.safetensors: expected content with SHA-256/,
    );
    const missing = await bundle.run(COMMAND, ['none/none']);
    expect([missing.code, missing.stderr.split('\n').length]).toEqual([3, 2]);
  });
});
