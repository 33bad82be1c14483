import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeDirectory } from '../../src/node/atomic-directory.ts';
import { verifyDirectory } from '../../src/node/manifest.ts';
import { temporaryFolder } from './temporary-folder.ts';

const SIZE = 4096;

async function saved(): Promise<string> {
  const path = join(temporaryFolder(), 'dir');
  await writeDirectory(path, { expectedBytes: 2 * SIZE, extra: { parent: 'x' } }, async (directory) => {
    await directory.writeFile('a.bin', (sink) => sink.write(new Uint8Array(SIZE).map((_, i) => i)));
    await directory.writeFile('b.bin', (sink) => sink.write(new Uint8Array(SIZE).map((_, i) => 7 * i)));
  });
  return path;
}

describe('verifyDirectory', () => {
  it('finds no fault in a directory as it was written, and gives the manifest', async () => {
    const { manifest, faults } = await verifyDirectory(await saved());
    expect(faults).toEqual([]);
    expect(manifest).toMatchObject({
      version: 1,
      parent: 'x',
      files: [{ name: 'a.bin', size: SIZE }, { name: 'b.bin' }],
    });
  });

  it('finds a truncation at any of 64 offsets', async () => {
    const path = await saved();
    const full = await readFile(join(path, 'a.bin'));
    for (let i = 0; i < 64; i++) {
      truncateSync(join(path, 'a.bin'), Math.floor((i * SIZE) / 64));
      expect((await verifyDirectory(path)).faults).toEqual([
        { file: 'a.bin', problem: `${Math.floor((i * SIZE) / 64)} bytes instead of ${SIZE}` },
      ]);
      writeFileSync(join(path, 'a.bin'), full);
    }
    expect((await verifyDirectory(path)).faults).toEqual([]);
  });

  it('finds a flipped bit at any of 64 places', async () => {
    const path = await saved();
    const full = await readFile(join(path, 'b.bin'));
    for (let i = 0; i < 64; i++) {
      const flipped = Uint8Array.from(full);
      flipped[i * 64]! ^= 1 << (i % 8);
      writeFileSync(join(path, 'b.bin'), flipped);
      expect((await verifyDirectory(path)).faults).toEqual([
        { file: 'b.bin', problem: 'contents that differ from its checksum' },
      ]);
    }
  });

  it('finds swapped and missing files', async () => {
    const path = await saved();
    await rename(join(path, 'a.bin'), join(path, 'c'));
    await rename(join(path, 'b.bin'), join(path, 'a.bin'));
    await rename(join(path, 'c'), join(path, 'b.bin'));
    expect((await verifyDirectory(path)).faults.map(({ file }) => file)).toEqual(['a.bin', 'b.bin']);
    rmSync(join(path, 'a.bin'));
    expect((await verifyDirectory(path)).faults[0]).toEqual({
      file: 'a.bin',
      problem: 'no such file or directory (ENOENT)',
    });
  });

  it('finds a manifest that is missing, cut anywhere, or lies', async () => {
    const path = await saved();
    const file = join(path, 'manifest.json');
    const full = await readFile(file, 'utf8');
    for (let length = 0; length < full.length - 2; length += 5) {
      writeFileSync(file, full.slice(0, length));
      const { manifest, faults } = await verifyDirectory(path);
      expect(manifest).toBeUndefined();
      expect(faults).toHaveLength(1);
    }
    for (const [from, to] of [
      ['"a.bin"', '"../a.bin"'],
      ['"a.bin"', '"/etc/passwd"'],
      ['"version": 1', '"version": 2'],
      [`"size": ${SIZE}`, '"size": -1'],
      ['"sha256": "', '"sha256": "zz'],
      ['"files": [', '"files": [3,'],
    ] as const) {
      expect(full).toContain(from);
      writeFileSync(file, full.replace(from, to));
      expect((await verifyDirectory(path)).faults[0]?.file).toBe('manifest.json');
    }
    rmSync(file);
    expect((await verifyDirectory(path)).faults).toEqual([
      { file: 'manifest.json', problem: 'no such file or directory (ENOENT)' },
    ]);
  });
});
