import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import type { ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { join, relative } from 'node:path';
import { gitHash, largeFile, sha256, TOKEN, variedBytes } from '@dawngrad/models/testing';
import { scanCacheDir } from '@huggingface/hub';
import { describe, expect, it } from 'vitest';
import { downloadModel } from '../../../src/node/hub/download-model.ts';
import { hubFixture, MODEL, modelFiles, tree } from './hub-fixture.ts';

const WEIGHTS = variedBytes(300_000);
const WEIGHTS_HASH = sha256(WEIGHTS);

describe('downloadModel', () => {
  it("fills the cache in the layout of the hub's clients, with what a model is made of only", async () => {
    const { hub, cache, options } = await hubFixture();
    const commit = hub.commit(MODEL, modelFiles());
    const model = await downloadModel(MODEL, options);
    const repo = join(cache, 'models--tiny--model');
    expect(model).toMatchObject({ folder: join(repo, 'snapshots', commit), name: MODEL, revision: 'main', commit });
    expect(model.downloadedBytes).toBe(320_000 + 23 + 2 + 22);
    const tokenizer = sha256(variedBytes(20_000, 3));
    expect(tree(repo)).toEqual(
      [
        ...[
          [WEIGHTS_HASH, 300_000],
          [tokenizer, 20_000],
          [gitHash(Buffer.from('{"model_type": "llama"}')), 23],
          [gitHash(Buffer.from('{}')), 2],
          [gitHash(Buffer.from('{"chat_template": "x"}')), 22],
        ].map(([hash, size]) => `blobs/${hash} ${size}`),
        'refs/main 40',
        ...[
          ['config.json', gitHash(Buffer.from('{"model_type": "llama"}'))],
          ['generation_config.json', gitHash(Buffer.from('{}'))],
          ['model.safetensors', WEIGHTS_HASH],
          ['tokenizer.json', tokenizer],
          ['tokenizer_config.json', gitHash(Buffer.from('{"chat_template": "x"}'))],
        ].map(([name, hash]) => `snapshots/${commit}/${name} -> ../../blobs/${hash}`),
      ].sort(),
    );
    expect(readFileSync(join(repo, 'refs/main'), 'utf8')).toBe(commit);
    expect(readFileSync(join(model.folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
    // The library that other tools read the cache with finds it in order.
    const scan = await scanCacheDir(cache);
    expect(scan.warnings).toEqual([]);
    expect(scan.repos.map(({ id, revisions }) => [id.name, revisions[0]?.commitOid, revisions[0]?.refs])).toEqual([
      [MODEL, commit, ['main']],
    ]);
  });

  it('asks for no content a second time', async () => {
    const { hub, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    const first = await downloadModel(MODEL, options);
    hub.seen.length = 0;
    expect(await downloadModel(MODEL, options)).toEqual({ ...first, downloadedBytes: 0 });
    expect(hub.paths('cdn')).toEqual([]);
    expect(hub.paths('hub').filter((path) => !path.startsWith('/api/'))).toEqual([]);
  });

  it('follows a branch to its new commit and fetches only what changed', async () => {
    const { hub, cache, options } = await hubFixture();
    const before = hub.commit(MODEL, modelFiles());
    await downloadModel(MODEL, options);
    const after = hub.commit(MODEL, { ...modelFiles(), 'config.json': '{"model_type": "qwen2"}' });
    hub.seen.length = 0;
    const model = await downloadModel(MODEL, options);
    expect([model.commit, model.downloadedBytes]).toEqual([after, 23]);
    expect(hub.paths('cdn')).toEqual([]);
    expect(readFileSync(join(cache, 'models--tiny--model/snapshots', before, 'config.json'), 'utf8')).toContain(
      'llama',
    );
    // The old one stays under its hash.
    const pinned = await downloadModel(`${MODEL}@${before}`, options);
    expect(readFileSync(join(pinned.folder, 'config.json'), 'utf8')).toContain('llama');
    expect(readFileSync(join(cache, 'models--tiny--model/refs/main'), 'utf8')).toBe(after);
  });

  it('takes a branch with a slash in its name', async () => {
    const { hub, cache, options } = await hubFixture();
    const commit = hub.commit(MODEL, modelFiles());
    hub.repo(MODEL).refs.set('refs/pr/1', commit);
    expect((await downloadModel(`${MODEL}@refs/pr/1`, options)).commit).toBe(commit);
    expect(readFileSync(join(cache, 'models--tiny--model/refs/refs/pr/1'), 'utf8')).toBe(commit);
  });

  it('takes shards and their index, and leaves out other copies of the weights', async () => {
    const { hub, options } = await hubFixture();
    const { 'model.safetensors': weights, ...rest } = modelFiles();
    const shards = {
      'model.safetensors.index.json': '{"weight_map": {"a": "model-00001-of-00002.safetensors"}}',
      'model-00001-of-00002.safetensors': largeFile(variedBytes(100, 11)),
      'model-00002-of-00002.safetensors': largeFile(variedBytes(100, 12)),
    };
    const commit = hub.commit(MODEL, {
      ...rest,
      ...shards,
      'consolidated.safetensors': largeFile(variedBytes(100, 13)),
    });
    const { folder } = await downloadModel(MODEL, options);
    const names = (): string[] => tree(folder).map((line) => line.split(' ')[0]!);
    expect(names().filter((name) => name.includes('safetensors'))).toEqual(Object.keys(shards).sort());
    expect(folder).toContain(commit);
    hub.commit('tiny/both', {
      ...rest,
      ...shards,
      'model.safetensors': weights!,
      'model.fp16.safetensors': largeFile(variedBytes(9)),
    });
    const both = await downloadModel('tiny/both', options);
    expect(tree(both.folder).filter((line) => line.includes('safetensors'))).toHaveLength(1);
  });

  it('takes an adapter', async () => {
    const { hub, options } = await hubFixture();
    hub.commit('tiny/adapter', {
      'adapter_config.json': '{}',
      'adapter_model.safetensors': largeFile(variedBytes(50)),
    });
    const { folder } = await downloadModel('tiny/adapter', options);
    expect(tree(folder).map((line) => line.split(' ')[0])).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
    ]);
  });

  it('tells how far it is', async () => {
    const { hub, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    const seen: { doneBytes: number; totalBytes: number; file: string }[] = [];
    await downloadModel(MODEL, { ...options, onProgress: (progress) => seen.push(progress) });
    expect(new Set(seen.map(({ totalBytes }) => totalBytes))).toEqual(new Set([320_047]));
    expect(seen.at(-1)?.doneBytes).toBe(320_047);
    expect(seen.map(({ doneBytes }) => doneBytes)).toEqual(
      seen.map(({ doneBytes }) => doneBytes).sort((a, b) => a - b),
    );
    expect(new Set(seen.map(({ file }) => file)).size).toBe(5);
  });

  it('sends the token to the hub and never to the host of large files', async () => {
    const { hub, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.repo(MODEL).access = 'private';
    await downloadModel(MODEL, { ...options, env: { ...options.env, HF_TOKEN: TOKEN } });
    const sent = (host: string) =>
      new Set(hub.seen.filter((seen) => seen.host === host).map((seen) => seen.authorization));
    expect(sent('hub')).toEqual(new Set([`Bearer ${TOKEN}`]));
    expect(sent('cdn')).toEqual(new Set([undefined]));
  });

  it('does not follow a link of an answer to another host with the token', async () => {
    const { hub, options } = await hubFixture();
    const other = await hubFixture();
    hub.commit(MODEL, modelFiles());
    const answer = (response: ServerResponse): void => {
      response
        .writeHead(200, { link: `<${other.hub.url}/steal>; rel="next"`, 'content-type': 'application/json' })
        .end('[]');
    };
    hub.faults.push({ host: 'hub', path: /\/tree\//, times: 1, answer });
    await expect(downloadModel(MODEL, { ...options, env: { ...options.env, HF_TOKEN: TOKEN } })).rejects.toThrow();
    expect(other.hub.seen.map(({ path, authorization }) => [path, authorization])).toEqual([['/steal', undefined]]);
  });

  it('makes one download of two that are asked for at once', async () => {
    const { hub, cache, notes, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    // Waits take time here, as there is something to wait for.
    const { sleep: _, ...waiting } = options;
    const [a, b] = await Promise.all([downloadModel(MODEL, waiting), downloadModel(MODEL, waiting)]);
    expect(a.folder).toBe(b.folder);
    expect(hub.paths('cdn')).toHaveLength(2);
    expect(notes.filter((note) => note.includes('waiting for process'))).toHaveLength(1);
    expect(tree(join(cache, '.locks'))).toEqual([]);
  });

  it('takes over the lock of a process that is gone', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    const locks = join(cache, '.locks', 'models--tiny--model');
    mkdirSync(locks, { recursive: true });
    // Process ids end far below this one.
    writeFileSync(join(locks, 'dawngrad.lock'), JSON.stringify({ pid: 2 ** 31 - 1, host: hostname() }));
    await downloadModel(MODEL, options);
    expect(existsSync(join(locks, 'dawngrad.lock'))).toBe(false);
  });

  it('downloads again what lies in the cache with another size', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    const { folder } = await downloadModel(MODEL, options);
    truncateSync(join(cache, 'models--tiny--model/blobs', WEIGHTS_HASH), 1000);
    expect((await downloadModel(MODEL, options)).downloadedBytes).toBe(300_000);
    expect(statSync(join(folder, 'model.safetensors')).size).toBe(300_000);
  });

  it('mends a link whose content was removed, or that leads elsewhere', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    const { folder } = await downloadModel(MODEL, options);
    rmSync(join(cache, 'models--tiny--model/blobs', WEIGHTS_HASH));
    rmSync(join(folder, 'config.json'));
    symlinkSync('/etc/hostname', join(folder, 'config.json'));
    await downloadModel(MODEL, options);
    expect(readFileSync(join(folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
    expect(realpathSync(join(folder, 'config.json'))).toContain(join('models--tiny--model', 'blobs'));
  });

  it('leaves a whole copy in the place of a link, and replaces one that is not', async () => {
    const { hub, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    const { folder } = await downloadModel(MODEL, options);
    const [config, weights] = [join(folder, 'config.json'), join(folder, 'model.safetensors')];
    rmSync(config);
    writeFileSync(config, '{"model_type": "llama"}');
    rmSync(weights);
    writeFileSync(weights, WEIGHTS.subarray(0, 1000));
    await downloadModel(MODEL, options);
    expect(lstatSync(config).isSymbolicLink()).toBe(false);
    expect(readFileSync(weights).equals(WEIGHTS)).toBe(true);
  });

  it('takes a cache that is named by a relative path with a slash at its end', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    const env = { ...options.env, HF_HUB_CACHE: `./${relative(process.cwd(), cache)}/` };
    const { folder } = await downloadModel(MODEL, { ...options, env });
    expect(folder.startsWith(join(cache, 'models--tiny--model'))).toBe(true);
    expect(existsSync(join(cache, '.locks', 'models--tiny--model'))).toBe(true);
  });

  it('says so where the cache cannot be made', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    writeFileSync(cache, 'a file');
    await expect(downloadModel(MODEL, options)).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining(cache),
    });
  });
});
