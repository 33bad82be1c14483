import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { largeFile, variedBytes } from '@dawngrad/models/testing';
import { describe, expect, it } from 'vitest';
import { downloadDatasetFile } from '../../../src/node/hub/download-dataset-file.ts';
import { hubFixture } from './hub-fixture.ts';

const FILES = {
  'README.md': 'Rows.',
  'empty.jsonl': '',
  'main/train-00000-of-00001.parquet': largeFile(variedBytes(40_000)),
  'main/a file with # and %20.jsonl': '{"question": "1 + 1?"}\n',
  ...Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`main/other-${i}.jsonl`, `${i}`])),
};

describe('downloadDatasetFile', () => {
  it.each(['rows/sums', 'datasets/rows/sums', 'hf://datasets/rows/sums@main'])(
    'brings one file of %s into the cache',
    async (id) => {
      const { hub, cache, options } = await hubFixture();
      const commit = hub.commit('datasets/rows/sums', FILES);
      const path = await downloadDatasetFile(id, 'main/train-00000-of-00001.parquet', options);
      expect(path).toBe(join(cache, 'datasets--rows--sums/snapshots', commit, 'main/train-00000-of-00001.parquet'));
      expect(readFileSync(path).equals(variedBytes(40_000))).toBe(true);
      expect(hub.paths('cdn')).toHaveLength(1);
      hub.seen.length = 0;
      expect(await downloadDatasetFile(id, 'main/train-00000-of-00001.parquet', options)).toBe(path);
      const offline = { ...options, env: { ...options.env, HF_HUB_OFFLINE: '1' } };
      expect(await downloadDatasetFile(id, 'main/train-00000-of-00001.parquet', offline)).toBe(path);
      expect(hub.paths('cdn')).toEqual([]);
    },
  );

  it('takes names with signs that mean something in an address, and files in the root', async () => {
    const { hub, options } = await hubFixture();
    hub.commit('datasets/rows/sums', FILES);
    const rows = await downloadDatasetFile('rows/sums', 'main/a file with # and %20.jsonl', options);
    expect(readFileSync(rows, 'utf8')).toBe('{"question": "1 + 1?"}\n');
    expect(readFileSync(await downloadDatasetFile('rows/sums', 'README.md', options), 'utf8')).toBe('Rows.');
    expect(readFileSync(await downloadDatasetFile('rows/sums', 'empty.jsonl', options), 'utf8')).toBe('');
  });

  it.each<[string, string, string, string]>([
    [
      'no such file',
      'rows/sums',
      'main/none.jsonl',
      'expected a file of that name, got none. Hint: The files are listed at http',
    ],
    ['no such folder', 'rows/sums', 'none/train.jsonl', 'expected a file of that name'],
    ['a folder', 'rows/sums', 'main', 'expected a file of that name'],
    ['no such data set', 'rows/none', 'train.jsonl', 'expected a dataset on http'],
    ['a path that leads out', 'rows/sums', '../train.jsonl', 'expected a dataset as owner/name'],
    ['a path from the root of the disk', 'rows/sums', '/etc/hostname', 'expected a dataset as owner/name'],
    ['no name', 'sums', 'train.jsonl', 'expected a dataset as owner/name'],
  ])('refuses %s', async (_, id, path, text) => {
    const { hub, options } = await hubFixture();
    hub.commit('datasets/rows/sums', FILES);
    await expect(downloadDatasetFile(id, path, options)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining(text),
    });
  });

  it('offline, has only files that were asked for before', async () => {
    const { hub, options } = await hubFixture();
    hub.commit('datasets/rows/sums', FILES);
    await downloadDatasetFile('rows/sums', 'README.md', options);
    const offline = { ...options, env: { ...options.env, HF_HUB_OFFLINE: '1' } };
    await expect(downloadDatasetFile('rows/sums', 'main/other-1.jsonl', offline)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('no such file, and the hub is not asked'),
    });
  });
});
