import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRows, wrongKey } from '../src/read-rows.ts';
import { rowFixture } from './row-fixture.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dawngrad-rows-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileWith(content: string): Promise<string> {
  const file = join(folder, 'rows.json');
  await writeFile(file, content);
  return file;
}

test('rows are read as they were written', async () => {
  const rows = [rowFixture({}), rowFixture({ library: 'jax-js', median_ms: null })];
  expect(await readRows(await fileWith(JSON.stringify(rows)))).toEqual(rows);
});

test.each([
  ['{}', /an array of rows of the bench, got object/],
  ['[', /got no JSON/],
  [JSON.stringify([rowFixture({}), { ...rowFixture({}), suite: 'speed' }]), /got row 1 without a proper suite/],
])('%j is refused', async (content, message) => {
  await expect(readRows(await fileWith(content))).rejects.toThrow(message);
});

test('a file that is not there is a usage error', async () => {
  await expect(readRows(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'usage' });
});

test.each(Object.keys(rowFixture({})))('a row without %s is no row', (key) => {
  expect(wrongKey(rowFixture({}))).toBeUndefined();
  const row: Record<string, unknown> = { ...rowFixture({}) };
  delete row[key];
  expect(wrongKey(row)).toBe(key);
});
