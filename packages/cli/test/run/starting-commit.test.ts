import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startingCommit } from '../../src/run/starting-commit.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';

it.each([
  ['a file in the root', `/home/u/hub/datasets--a--b/snapshots/${COMMIT}/rows.jsonl`, COMMIT],
  ['a file in a folder', `/home/u/hub/datasets--a--b/snapshots/${COMMIT}/main/train.parquet`, COMMIT],
  ['a path of Windows', `C:\\hub\\datasets--a--b\\snapshots\\${COMMIT}\\main\\train.parquet`, COMMIT],
  ['another repository', `/home/u/hub/datasets--a--bc/snapshots/${COMMIT}/rows.jsonl`, undefined],
  ['a name that ends alike', `/home/u/hub/x-datasets--a--b/snapshots/${COMMIT}/rows.jsonl`, undefined],
  ['something else than a commit', '/home/u/hub/datasets--a--b/snapshots/main/rows.jsonl', undefined],
  ['a file elsewhere', '/home/u/rows.jsonl', undefined],
])('reads the commit that a run started with from %s', (_, path, commit) => {
  const folder = mkdtempSync(join(tmpdir(), 'dawngrad-env-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const starts = [{ dataHashes: { data: { '/other': 'x', [path]: 'y' } } }];
  writeFileSync(join(folder, 'env.json'), JSON.stringify({ starts }));
  expect(startingCommit(folder, 'data', 'dataset', 'a/b')).toBe(commit);
  expect(startingCommit(folder, 'policy', 'dataset', 'a/b')).toBeUndefined();
});
