import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openModelFiles } from '../../src/node/model-files.ts';
import { temporaryFolder } from './temporary-folder.ts';

describe('openModelFiles', () => {
  it('reads ranges of files and lists them, links within the directory included', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'b.bin'), Uint8Array.of(1, 2, 3, 4, 5));
    writeFileSync(join(folder, 'a.txt'), 'grüße');
    symlinkSync('a.txt', join(folder, 'c.txt'));
    mkdirSync(join(folder, 'sub'));
    const files = await openModelFiles(folder);
    expect(await files.list()).toEqual(['a.txt', 'b.bin', 'c.txt']);
    const source = await files.open('b.bin');
    expect(source.size).toBe(5);
    expect([...(await source.read(1, 3))]).toEqual([2, 3, 4]);
    expect(await files.readText('c.txt', 100)).toBe('grüße');
    await expect(files.readText('a.txt', 5)).rejects.toMatchObject({ code: 'corrupt' });
  });

  it.each(['../secret', '/etc/passwd', 'sub/x', '..', '.', '', 'x\u0000', 'c:\\x', 'a\\b', './a.txt', 'sub/../a.txt'])(
    'refuses the name %j',
    async (name) => {
      const files = await openModelFiles(temporaryFolder());
      await expect(files.open(name)).rejects.toMatchObject({ code: 'config' });
      await expect(files.open(name)).rejects.toThrow('a plain file name');
    },
  );

  it('refuses links that lead out, folders and pipes without waiting', async () => {
    const outside = temporaryFolder();
    writeFileSync(join(outside, 'secret'), 'x');
    const folder = temporaryFolder();
    symlinkSync(join(outside, 'secret'), join(folder, 'link'));
    symlinkSync(outside, join(folder, 'folder-link'));
    symlinkSync('/dev/zero', join(folder, 'zero'));
    mkdirSync(join(folder, 'sub'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const files = await openModelFiles(folder);
    await expect(files.open('link')).rejects.toThrow('a link that leads out');
    await expect(files.open('folder-link')).rejects.toThrow('a link that leads out');
    await expect(files.open('zero')).rejects.toThrow('a link that leads out');
    await expect(files.open('sub')).rejects.toThrow('a regular file');
    await expect(files.open('pipe')).rejects.toThrow('a regular file');
    expect(await files.list()).not.toContain('pipe');
  });

  it("follows the links of the hub client's cache to the blobs of the same model, and no further", async () => {
    const cache = temporaryFolder();
    const snapshot = join(cache, 'models--org--name', 'snapshots', 'abc');
    for (const folder of [
      snapshot,
      join(cache, 'models--org--name', 'blobs'),
      join(cache, 'models--org--other', 'blobs'),
    ]) {
      mkdirSync(folder, { recursive: true });
    }
    writeFileSync(join(cache, 'models--org--name', 'blobs', 'b1'), '{}');
    writeFileSync(join(cache, 'models--org--other', 'blobs', 'b2'), '{}');
    symlinkSync('../../blobs/b1', join(snapshot, 'config.json'));
    symlinkSync('../../../models--org--other/blobs/b2', join(snapshot, 'tokenizer.json'));
    const files = await openModelFiles(snapshot);
    expect(await files.readText('config.json', 10)).toBe('{}');
    await expect(files.open('tokenizer.json')).rejects.toThrow('a link that leads out');
  });

  it('refuses a neighbour whose name starts alike', async () => {
    const parent = temporaryFolder();
    mkdirSync(join(parent, 'model'));
    mkdirSync(join(parent, 'model-private'));
    writeFileSync(join(parent, 'model-private', 'x'), 'x');
    symlinkSync('../model-private/x', join(parent, 'model', 'x'));
    const files = await openModelFiles(join(parent, 'model'));
    await expect(files.open('x')).rejects.toThrow('a link that leads out');
  });

  it('reports a file that became shorter instead of giving zeros', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'w'), new Uint8Array(100));
    const source = await (await openModelFiles(folder)).open('w');
    truncateSync(join(folder, 'w'), 50);
    await expect(source.read(40, 20)).rejects.toMatchObject({ code: 'corrupt' });
  });

  it('names a directory that is not there', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    await expect(openModelFiles(join(folder, 'no'))).rejects.toThrow('expected a directory, got no such file');
    await expect(openModelFiles(join(folder, 'file'))).rejects.toThrow('expected a directory, got something else');
    await expect(openModelFiles('a\u0000b')).rejects.toMatchObject({ code: 'config' });
  });
});
