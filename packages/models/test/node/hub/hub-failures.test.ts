import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { gitHash, type HubServer, refuse, sha256, TOKEN, variedBytes } from '@dawngrad/models/testing';
import { ToolError } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import { downloadModel } from '../../../src/node/hub/download-model.ts';
import { realDisk } from '../../../src/node/hub/hub-disk.ts';
import type { HubOptions } from '../../../src/node/hub/hub-session.ts';
import { hubFixture, MODEL, modelFiles, tree } from './hub-fixture.ts';

const WEIGHTS = variedBytes(300_000);
const WEIGHTS_HASH = sha256(WEIGHTS);
const WEIGHTS_PATH = new RegExp(WEIGHTS_HASH);

/** The error of a download that must fail, with its code, what it says, and no secret in it. */
async function failure(options: HubOptions, id = MODEL): Promise<ToolError> {
  const error = await downloadModel(id, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ToolError)) throw error ?? new Error('it did not fail');
  expect(error.message).not.toMatch(/signature=secret|hf_test_token/);
  return error;
}

const withToken = (options: HubOptions, token = TOKEN): HubOptions => ({
  ...options,
  env: { ...options.env, HF_TOKEN: token },
});

const answerWith =
  (status: number, code?: string, headers?: Record<string, string>) =>
  (response: ServerResponse): void =>
    void refuse(response, status, code, headers);

/** Whatever has the name of whole content is that content, and no snapshot or branch is there. */
function expectNothingPartial(cache: string): void {
  const lines = existsSync(cache) ? tree(cache) : [];
  expect(lines.filter((line) => line.includes('snapshots/') || line.includes('refs/'))).toEqual([]);
  for (const [, path, hash] of lines.map((line) => /^(.*blobs\/(\w+)) \d+$/.exec(line) ?? [])) {
    if (path === undefined) continue;
    const bytes = readFileSync(join(cache, path));
    expect([sha256(bytes), gitHash(bytes)]).toContain(hash);
  }
}

const partialOf = (cache: string): string => join(cache, 'models--tiny--model/blobs', `${WEIGHTS_HASH}.incomplete`);

describe('a hub that refuses', () => {
  it.each<[string, (hub: HubServer) => void, string, (options: HubOptions) => HubOptions, string]>([
    ['no such model, without a token', () => {}, 'none/none', (o) => o, 'expected a model on http'],
    ['no such model, with a token', () => {}, 'none/none', withToken, 'got none of that name. Hint: Check the name'],
    [
      'a private model, without a token',
      (hub) => (hub.repo(MODEL).access = 'private'),
      MODEL,
      (o) => o,
      'a private one needs HF_TOKEN',
    ],
    [
      'no such revision',
      () => {},
      `${MODEL}@v9`,
      (o) => o,
      'expected a branch, tag or commit v9, got none of that name',
    ],
    ['no such commit', () => {}, `${MODEL}@${'0'.repeat(40)}`, (o) => o, 'expected a branch, tag or commit 0000'],
    [
      'a gated model, without a token',
      (hub) => (hub.repo(MODEL).access = 'gated'),
      MODEL,
      (o) => o,
      '/tiny/model, then set HF_TOKEN',
    ],
    [
      'a gated model, with a token',
      (hub) => (hub.repo(MODEL).access = 'gated'),
      MODEL,
      withToken,
      'Accept its conditions at http',
    ],
  ])('%s', async (_, arrange, id, change, text) => {
    const { hub, cache, waits, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    arrange(hub);
    const error = await failure(change(options), id);
    expect([error.code, error.message]).toEqual(['config', expect.stringContaining(text)]);
    expect(error.detail.op.startsWith(id.split('@')[0]!)).toBe(true);
    expect(waits).toEqual([]);
    expectNothingPartial(cache);
  });

  it('names the file that is not there any more', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.faults.push({
      host: 'hub',
      path: /resolve.*generation_config/,
      times: 1,
      answer: answerWith(404, 'EntryNotFound'),
    });
    const error = await failure(options);
    expect([error.code, error.detail.op, error.detail.got]).toEqual([
      'config',
      'tiny/model/generation_config.json',
      'none at revision main',
    ]);
    expectNothingPartial(cache);
  });

  it('says where a token that is refused comes from, and not what it is', async () => {
    const { hub, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.faults.push({ host: 'hub', path: /api/, times: 9, answer: answerWith(401) });
    const error = await failure(withToken(options, 'hf_secret'));
    expect(error.message).toContain('expected a token that may read it, got one that is refused (HF_TOKEN)');
    expect(error.message).not.toContain('hf_secret');
    hub.faults[0]!.times = 0;
    hub.faults.push({ host: 'hub', path: /api/, times: 9, answer: answerWith(403) });
    const missing = await failure(withToken(options));
    expect([missing.code, missing.message]).toEqual([
      'config',
      expect.stringContaining('a fine-grained token needs the right'),
    ]);
  });

  it('waits as long as a 429 asks for, then goes on', async () => {
    const { hub, waits, notes, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.faults.push({ host: 'hub', path: /api/, times: 1, answer: answerWith(429, undefined, { 'retry-after': '7' }) });
    hub.faults.push({
      host: 'hub',
      path: /resolve.*config/,
      times: 1,
      answer: answerWith(429, undefined, { ratelimit: '"resolvers";r=0;t=11' }),
    });
    hub.faults.push({
      host: 'cdn',
      path: WEIGHTS_PATH,
      times: 1,
      answer: answerWith(503, undefined, { 'retry-after': '3' }),
    });
    await downloadModel(MODEL, options);
    expect(waits.sort((a, b) => a - b)).toEqual([3000, 7000, 11_000]);
    expect(notes[0]).toBe(
      'tiny/model: HTTP status 429 (too many requests), which asks to wait 7 s; trying again in 7 s',
    );
  });

  it('waits until the date of a Retry-After', async () => {
    const { hub, waits, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    const date = new Date(Date.now() + 40_000).toUTCString();
    hub.faults.push({
      host: 'hub',
      path: /api/,
      times: 1,
      answer: answerWith(429, undefined, { 'retry-after': date }),
    });
    await downloadModel(MODEL, options);
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeGreaterThan(20_000);
    expect(waits[0]).toBeLessThanOrEqual(40_000);
  });

  it('gives up after a few 429, and at once where the wait is long', async () => {
    const { hub, waits, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.faults.push({ host: 'hub', path: /api/, times: 99, answer: answerWith(429) });
    const error = await failure(options);
    expect([error.code, error.message]).toEqual(['io', expect.stringContaining('HTTP status 429 (too many requests)')]);
    expect(error.message).toContain('With HF_TOKEN set, the hub allows more');
    expect(waits).toEqual([500, 1000]);
    hub.faults.unshift({
      host: 'hub',
      path: /api/,
      times: 9,
      answer: answerWith(429, undefined, { 'retry-after': '3600' }),
    });
    expect((await failure(withToken(options))).message).toContain('asks to wait 3600 s');
    expect(waits).toEqual([500, 1000]);
  });

  it.each([
    ['the interface', 'hub', /api/],
    ['a small file', 'hub', /resolve.*tokenizer_config/],
    ['a large file', 'cdn', WEIGHTS_PATH],
  ] as const)('tries again where %s answers with 5xx, a few times', async (_, host, path) => {
    const { hub, waits, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.faults.push({ host, path, times: 2, answer: answerWith(502, undefined, { 'x-request-id': 'Root=1-2' }) });
    await downloadModel(MODEL, options);
    expect(waits).toEqual([500, 1000]);
    const again = await hubFixture();
    again.hub.commit(MODEL, modelFiles());
    again.hub.faults.push({
      host,
      path,
      times: 99,
      answer: answerWith(502, undefined, { 'x-request-id': 'Root=1-2' }),
    });
    const error = await failure(again.options);
    expect([error.code, error.detail.got]).toEqual(['io', 'HTTP status 502 (request Root=1-2)']);
    expectNothingPartial(again.cache);
  });
});

describe('a connection that is cut', () => {
  it('goes on from where it was, within one download', async () => {
    const { hub, options, waits } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    for (const cutAfter of [100_000, 50_000]) hub.faults.push({ host: 'cdn', path: WEIGHTS_PATH, times: 1, cutAfter });
    const { folder } = await downloadModel(MODEL, options);
    expect(readFileSync(join(folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
    const ranges = hub.seen
      .filter(({ host, path }) => host === 'cdn' && path.includes(WEIGHTS_HASH))
      .map(({ range }) => range);
    expect(ranges).toEqual([undefined, 'bytes=100000-299999', 'bytes=150000-299999']);
    expect(waits).toEqual([500, 500]);
  });

  it('keeps what came, says so, and the next download goes on from there', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.faults.push({ host: 'cdn', path: WEIGHTS_PATH, times: 1, cutAfter: 100_000 });
    hub.faults.push({ host: 'cdn', path: WEIGHTS_PATH, times: 99, cutAfter: 0 });
    const error = await failure(options);
    expect([error.code, error.detail.op]).toEqual(['io', 'tiny/model/model.safetensors']);
    expect(error.message).toContain('the same command goes on from there');
    expect(statSync(partialOf(cache)).size).toBe(100_000);
    expectNothingPartial(cache);
    hub.faults.length = 0;
    hub.seen.length = 0;
    const seen: number[] = [];
    const { folder } = await downloadModel(MODEL, { ...options, onProgress: ({ doneBytes }) => seen.push(doneBytes) });
    expect(hub.seen.find(({ host, path }) => host === 'cdn' && path.includes(WEIGHTS_HASH))?.range).toBe(
      'bytes=100000-299999',
    );
    expect(seen[0]).toBeGreaterThanOrEqual(100_000);
    expect(readFileSync(join(folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
  });

  it('counts a connection that brings nothing as cut', async () => {
    const { hub, options, notes } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.faults.push({ host: 'cdn', path: WEIGHTS_PATH, times: 1, stallAfter: 70_000 });
    hub.faults.push({ host: 'hub', path: /api.*revision/, times: 1, stallAfter: 5 });
    const { folder } = await downloadModel(MODEL, {
      ...options,
      env: { ...options.env, HF_HUB_DOWNLOAD_TIMEOUT: '1' },
    });
    expect(readFileSync(join(folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
    expect(notes).toEqual([
      'tiny/model: nothing for too long; trying again',
      'tiny/model/model.safetensors: nothing for too long; trying again',
    ]);
  });

  it('takes the whole file from a server that sends no parts', async () => {
    const { hub, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.faults.push({ host: 'cdn', path: WEIGHTS_PATH, times: 1, cutAfter: 100_000 });
    hub.faults.push({ host: 'cdn', path: WEIGHTS_PATH, times: 9, ignoresRange: true });
    const { folder } = await downloadModel(MODEL, options);
    expect(readFileSync(join(folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
  });

  it('ends at last with a server that sends no parts and always cuts', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.faults.push({ host: 'cdn', path: WEIGHTS_PATH, times: 99, ignoresRange: true, cutAfter: 100_000 });
    expect((await failure(options)).code).toBe('io');
    expectNothingPartial(cache);
  });

  it('leaves a partial file that can be gone on with when it is stopped', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.faults.push({ host: 'cdn', path: WEIGHTS_PATH, times: 1, stallAfter: 150_000 });
    const stop = new AbortController();
    const reason = new Error('stopped by the user');
    const onProgress = ({ doneBytes }: { readonly doneBytes: number }): void => {
      if (doneBytes === 150_000 + 20_047) stop.abort(reason);
    };
    await expect(downloadModel(MODEL, { ...options, signal: stop.signal, onProgress })).rejects.toBe(reason);
    expect(statSync(partialOf(cache)).size).toBe(150_000);
    expectNothingPartial(cache);
    expect(tree(join(cache, '.locks'))).toEqual([]);
    const { folder } = await downloadModel(MODEL, options);
    expect(readFileSync(join(folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
    expect(hub.seen.at(-1)?.range).toBe('bytes=150000-299999');
  });

  it('does not ask anybody once it is stopped', async () => {
    const { hub, options } = await hubFixture();
    await expect(downloadModel(MODEL, { ...options, signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow(
      'before',
    );
    expect(hub.seen).toEqual([]);
  });
});

describe('content that is not what was announced', () => {
  const flip = (body: Buffer): Buffer => {
    body[body.length >> 1]! ^= 1;
    return body;
  };

  it.each([
    ['a large file', 'cdn', WEIGHTS_PATH, 'SHA-256', 'model.safetensors'],
    ['a small file', 'hub', /resolve.*tokenizer_config/, 'git hash', 'tokenizer_config.json'],
  ] as const)('is refused for %s, and nothing of it stays', async (_, host, path, words, name) => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.faults.push({ host, path, times: 99, change: flip });
    const error = await failure(options);
    expect([error.code, error.detail.op]).toEqual(['corrupt', `tiny/model/${name}`]);
    expect(error.message).toContain(words);
    const hash = host === 'cdn' ? WEIGHTS_HASH : gitHash(Buffer.from('{"chat_template": "x"}'));
    expect(tree(cache).filter((line) => line.includes(hash))).toEqual([]);
    expectNothingPartial(cache);
    hub.faults.length = 0;
    await downloadModel(MODEL, options);
  });

  it('is fetched again where the bad part was left by an earlier try', async () => {
    const { hub, cache, notes, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    mkdirSync(join(cache, 'models--tiny--model/blobs'), { recursive: true });
    writeFileSync(partialOf(cache), variedBytes(100_000, 99));
    const seen: { doneBytes: number; totalBytes: number }[] = [];
    const { folder } = await downloadModel(MODEL, { ...options, onProgress: (progress) => seen.push(progress) });
    expect(readFileSync(join(folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
    expect(notes).toEqual(['tiny/model/model.safetensors: what was there of it is damaged; starting anew']);
    expect(seen.at(-1)).toMatchObject({ doneBytes: 320_047, totalBytes: 320_047 });
  });

  it('is thrown away where the partial file is longer than the file', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    mkdirSync(join(cache, 'models--tiny--model/blobs'), { recursive: true });
    writeFileSync(partialOf(cache), variedBytes(400_000, 99));
    await downloadModel(MODEL, options);
    expect(hub.seen.find(({ path }) => WEIGHTS_PATH.test(path))?.range).toBeUndefined();
  });

  it('is refused where it does not end', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.faults.push({
      host: 'cdn',
      path: WEIGHTS_PATH,
      times: 9,
      change: (body) => Buffer.concat([body, Buffer.alloc(100_000)]),
    });
    const error = await failure(options);
    expect([error.code, error.message]).toEqual([
      'corrupt',
      expect.stringContaining('expected 300000 bytes, got more'),
    ]);
    expectNothingPartial(cache);
    hub.faults.length = 0;
    await downloadModel(MODEL, options);
  });

  it.each([
    ['..', '../../../evil.safetensors'],
    ['an absolute path', '/etc/evil.safetensors'],
    ['a drive', 'C:evil.safetensors'],
    ['a backslash', '..\\evil.safetensors'],
    ['a control character', 'a\u0000.safetensors'],
    ['no text', 7],
  ])('is refused where a name in the listing has %s', async (_, path) => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.repo(MODEL).listing = (entries) => [...entries, { ...entries.find((entry) => entry.lfs !== undefined), path }];
    const error = await failure(options);
    expect([error.code, error.message]).toEqual([
      'corrupt',
      expect.stringContaining('names of files within the repository'),
    ]);
    expectNothingPartial(cache);
  });

  it.each([
    ['a hash that is a path', { oid: '../../evil' }],
    ['no hash', { oid: undefined }],
    ['a negative size', { size: -1 }],
    ['a size beyond whole numbers', { size: 1e300 }],
  ])('is refused where the listing has %s', async (_, change) => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.repo(MODEL).listing = (entries) =>
      entries.map((entry) => (entry.path === 'config.json' ? { ...entry, ...change } : entry));
    const error = await failure(options);
    expect([error.code, error.detail.op]).toEqual(['corrupt', 'tiny/model/config.json']);
    expectNothingPartial(cache);
  });

  it.each([
    ['a page instead of JSON', /api/, (r: ServerResponse) => void r.end('<html>'), 'JSON from http'],
    ['another commit than a hash', /revision/, (r: ServerResponse) => void r.end('{"sha": "../x"}'), 'a commit hash'],
    ['a tree that is no list', /tree/, (r: ServerResponse) => void r.end('{}'), 'an answer of a hub'],
    ['null', /revision/, (r: ServerResponse) => void r.end('null'), 'an answer of a hub'],
  ])('is refused where the interface answers with %s', async (_, path, answer, text) => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    hub.faults.push({ host: 'hub', path, times: 9, answer });
    const error = await failure(options);
    expect([error.code, error.message]).toEqual(['io', expect.stringContaining(text)]);
    expectNothingPartial(cache);
  });
});

describe('a repository that is no model', () => {
  const { 'model.safetensors': _, ...withoutWeights } = modelFiles();

  it.each([
    ['pickles only', withoutWeights, 'got one with pytorch_model.bin only. Hint: Loading a pickle runs code'],
    ['no weights', { 'config.json': '{}' }, 'expected a model with model.safetensors, got a repository without it'],
    [
      'no config.json',
      { 'model.safetensors': modelFiles()['model.safetensors']! },
      'expected a model with config.json',
    ],
    ['an adapter without weights', { 'adapter_config.json': '{}' }, 'adapter_model.safetensors'],
    ['another format', { 'config.json': '{}', 'model.gguf': 'x' }, 'got one with model.gguf only'],
  ])('is refused before anything is downloaded: %s', async (_name, files, text) => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, files);
    const error = await failure(options);
    expect([error.code, error.message]).toEqual(['config', expect.stringContaining(text)]);
    expect(hub.paths('hub').filter((path) => path.includes('resolve'))).toEqual([]);
    expectNothingPartial(cache);
  });

  it.each([
    'model',
    '/abs/path',
    './a/b',
    '../a',
    'a/b/c',
    'a/b@',
    'a/b@..',
    'a/b@x/../y',
    'a--b/c',
    'a/b.git',
    'datasets/a/b',
    '',
  ])('is refused by name: %j', async (id) => {
    const { options } = await hubFixture();
    expect((await failure(options, id)).code).toBe('config');
  });
});

describe('a disk that is full', () => {
  it('is noticed before anything is downloaded', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    const error = await failure({ ...options, disk: { ...realDisk, freeBytes: async () => 320_046 } });
    expect([error.code, error.message]).toEqual(['io', expect.stringContaining('expected 320047 bytes of free space')]);
    expect(hub.paths('cdn')).toEqual([]);
    expectNothingPartial(cache);
    await downloadModel(MODEL, { ...options, disk: { ...realDisk, freeBytes: async () => 320_047 } });
  });

  it('does not count what is there already', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    mkdirSync(join(cache, 'models--tiny--model/blobs'), { recursive: true });
    writeFileSync(partialOf(cache), WEIGHTS.subarray(0, 200_000));
    await downloadModel(MODEL, { ...options, disk: { ...realDisk, freeBytes: async () => 120_047 } });
  });

  it('is reported when it fills up on the way, and what came stays', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    let written = 0;
    const write: typeof realDisk.write = async (handle, bytes, position) => {
      if (written > 100_000) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
      // A short write, as a full disk gives before it refuses.
      const part = bytes.subarray(0, Math.min(bytes.length, 30_000));
      written += part.length;
      return realDisk.write(handle, part, position);
    };
    const error = await failure({ ...options, disk: { ...realDisk, write } });
    expect([error.code, error.message]).toEqual(['io', expect.stringContaining('expected free space for it')]);
    expectNothingPartial(cache);
    const { folder } = await downloadModel(MODEL, options);
    expect(readFileSync(join(folder, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
  });

  it('is no reason to write through a link that lies in the place of a partial file', async () => {
    const { hub, cache, options } = await hubFixture();
    hub.commit(MODEL, modelFiles());
    mkdirSync(join(cache, 'models--tiny--model/blobs'), { recursive: true });
    const victim = join(cache, 'victim');
    writeFileSync(victim, 'dear');
    symlinkSync(victim, partialOf(cache));
    expect((await failure(options)).code).toBe('io');
    expect(readFileSync(victim, 'utf8')).toBe('dear');
  });
});

describe('offline', () => {
  const offline = (options: HubOptions, name = 'HF_HUB_OFFLINE', value = '1'): HubOptions => ({
    ...options,
    env: { ...options.env, [name]: value },
  });

  it.each(['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'])(
    'takes what the cache has, and asks nobody (%s)',
    async (name) => {
      const { hub, options } = await hubFixture();
      const commit = hub.commit(MODEL, modelFiles());
      const online = await downloadModel(MODEL, options);
      hub.seen.length = 0;
      for (const id of [MODEL, `${MODEL}@${commit}`]) {
        const model = await downloadModel(id, offline(options, name, 'True'));
        expect([model.folder, model.commit, model.downloadedBytes]).toEqual([online.folder, commit, 0]);
      }
      expect(hub.seen).toEqual([]);
    },
  );

  it('says what is missing', async () => {
    const { hub, cache, options } = await hubFixture();
    const commit = hub.commit(MODEL, modelFiles());
    const none = await failure(offline(options));
    expect([none.code, none.message]).toEqual([
      'config',
      expect.stringMatching(/being offline, got nothing of it\. Hint: Download it once/),
    ]);
    expect(hub.seen).toEqual([]);
    await downloadModel(MODEL, options);
    expect((await failure(offline(options), `${MODEL}@dev`)).message).toContain('expected revision dev of it');
    expect((await failure(offline(options), `${MODEL}@${'1'.repeat(40)}`)).message).toContain(
      'got no config.json of it',
    );
    rmSync(join(cache, 'models--tiny--model/snapshots', commit, 'model.safetensors'));
    expect((await failure(offline(options))).message).toContain('got no model.safetensors of it');
  });

  it('misses a shard that the index names', async () => {
    const { hub, cache, options } = await hubFixture();
    const { 'model.safetensors': _, ...rest } = modelFiles();
    const shard = 'model-00002-of-00002.safetensors';
    const commit = hub.commit(MODEL, {
      ...rest,
      'model.safetensors.index.json': JSON.stringify({
        weight_map: { a: 'model-00001-of-00002.safetensors', b: shard },
      }),
      'model-00001-of-00002.safetensors': 'a',
      [shard]: 'b',
    });
    await downloadModel(MODEL, options);
    await downloadModel(MODEL, offline(options));
    rmSync(join(cache, 'models--tiny--model/snapshots', commit, shard));
    expect((await failure(offline(options))).message).toContain(`got no ${shard} of it`);
  });

  it('is what a hub that cannot be reached is taken for, with a note', async () => {
    const { hub, notes, options } = await hubFixture();
    const commit = hub.commit(MODEL, modelFiles());
    const online = await downloadModel(MODEL, options);
    await hub.stop();
    expect((await downloadModel(MODEL, options)).folder).toBe(online.folder);
    expect(notes.at(-1)).toBe(
      `tiny/model: connection refused (ECONNREFUSED); using commit ${commit.slice(0, 12)} from the cache`,
    );
    const error = await failure(options, 'tiny/other');
    expect([error.code, error.message]).toEqual(['io', expect.stringContaining('connection refused (ECONNREFUSED)')]);
    expect(readdirSync(online.folder)).toContain('config.json');
  });
});
