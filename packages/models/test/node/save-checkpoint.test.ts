import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import type { DirectorySink } from '../../src/io/byte-source.ts';
import { findNewestCheckpoint, readPointer, sweepStale } from '../../src/node/checkpoint-folder.ts';
import { diskFileSystem, type FileSystem } from '../../src/node/file-system.ts';
import { verifyDirectory } from '../../src/node/manifest.ts';
import { saveCheckpoint } from '../../src/node/save-checkpoint.ts';
import { type Fault, faultyFileSystem } from './faulty-file-system.ts';
import { type Loss, MemoryFileSystem } from './memory-file-system.ts';
import { temporaryFolder } from './temporary-folder.ts';

const FOLDER = '/run/ckpt';

/** Three files, one of them in a folder and one written in pieces: the shape of a real checkpoint. */
function fill(step: number): (directory: DirectorySink) => Promise<void> {
  return async (directory) => {
    await directory.writeFile('model.safetensors', async (sink) => {
      for (let i = 0; i < 3; i++) await sink.write(new Uint8Array(1000).fill(step + i));
    });
    await directory.writeFile('optimizer/moments.safetensors', (sink) => sink.write(new Uint8Array(500).fill(step)));
    await directory.writeFile('state.json', (sink) => sink.write(new TextEncoder().encode(JSON.stringify({ step }))));
  };
}

/** Step 1 is the best one; only the newest is kept beside it. */
function save(fileSystem: FileSystem, step: number, folder = FOLDER): Promise<string> {
  const options = { folder, step, expectedBytes: 4000, extra: { step }, isBest: step === 1, keep: 1, fileSystem };
  return saveCheckpoint(options, fill(step));
}

/** What a run sees when it starts again on this disk. */
async function restart(disk: FileSystem): Promise<{ readonly step: unknown; readonly rejected: number }> {
  await sweepStale(FOLDER, disk);
  expect((await disk.list(FOLDER)).filter((name) => name.startsWith('.'))).toEqual([]);
  const latest = await readPointer(FOLDER, 'latest', disk);
  expect((await verifyDirectory(join(FOLDER, latest!), disk)).faults).toEqual([]);
  expect((await verifyDirectory(join(FOLDER, 'step-00000001'), disk)).faults).toEqual([]);
  const { found, rejected } = await findNewestCheckpoint(FOLDER, disk);
  return { step: found?.manifest.step, rejected: rejected.length };
}

/** A synced disk with the checkpoints of some steps, and the number of calls that saving one more takes. */
async function prepare(
  before: readonly number[],
  step: number,
): Promise<{ readonly total: number; readonly copy: () => MemoryFileSystem }> {
  const disk = new MemoryFileSystem();
  for (const each of before) await save(disk, each);
  const copy = (): MemoryFileSystem => disk.afterStop('nothing');
  const counting = faultyFileSystem(copy(), -1, 'EIO');
  await save(counting, step);
  return { total: counting.calls.length, copy };
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
}

describe('saveCheckpoint', () => {
  it('saves to the disk, points and removes old checkpoints, but not the best', async () => {
    const folder = join(temporaryFolder(), 'ckpt');
    for (const step of [1, 2, 3]) await save(diskFileSystem, step, folder);
    expect(readdirSync(folder)).toEqual(['best', 'latest', 'step-00000001', 'step-00000003']);
    expect(await readPointer(folder, 'latest')).toBe('step-00000003');
    expect(await readPointer(folder, 'best')).toBe('step-00000001');
    const { found, rejected } = await findNewestCheckpoint(folder);
    expect(found).toMatchObject({ name: 'step-00000003', manifest: { step: 3 } });
    expect(found?.manifest.files.map(({ name }) => name)).toEqual([
      'model.safetensors',
      'optimizer/moments.safetensors',
      'state.json',
    ]);
    expect(rejected).toEqual([]);
  });

  it('refuses to start on a disk with less than 1.2 times the size free, and says both figures', async () => {
    const disk = new MemoryFileSystem(4799);
    const error = await errorOf(save(disk, 1));
    expect(error).toMatchObject({ code: 'io' });
    expect((error as ToolError).message).toContain('/run/ckpt: expected 4800 bytes of free space, got 4799 bytes free');
    expect(await disk.list(FOLDER)).toEqual([]);
    await save(new MemoryFileSystem(4800), 1);
  });

  it('says how much space was needed when the disk fills up in the middle, and clears what it wrote', async () => {
    const { total, copy } = await prepare([1], 2);
    for (let k = 0; k < total; k++) {
      const disk = copy();
      const faulty = faultyFileSystem(disk, k, 'ENOSPC');
      const error = (await errorOf(save(faulty, 2))) as ToolError;
      if (faulty.calls[k] !== 'write') continue;
      expect(error.message).toMatch(
        /expected \d+ bytes of free space, got \d+ bytes free\. Hint: Nothing was saved now/,
      );
      expect((await disk.list(FOLDER)).filter((name) => name.startsWith('.'))).toEqual([]);
    }
  });

  const scenarios = [
    { title: 'a new step', before: [1, 2], step: 3 },
    { title: 'the same step again', before: [1, 2], step: 2 },
  ];
  describe.each(scenarios)('of $title', ({ before, step }) => {
    it.each<Fault>(['ENOSPC', 'EIO', 'EACCES'])('keeps a good checkpoint if any one call fails: %s', async (fault) => {
      const { total, copy } = await prepare(before, step);
      expect(total).toBeGreaterThan(40);
      for (let k = 0; k < total; k++) {
        const disk = copy();
        const faulty = faultyFileSystem(disk, k, fault);
        const error = await errorOf(save(faulty, step));
        const place = `call ${k}: ${faulty.calls[k]}`;
        expect(error, place).toBeInstanceOf(ToolError);
        expect((error as ToolError).code, place).toBe('io');
        const { step: newest, rejected } = await restart(disk);
        expect([before.at(-1), step], place).toContain(newest);
        expect(rejected, place).toBe(0);
      }
    });

    it.each<Loss>(['nothing', 'unsynced contents', 'unsynced contents and names'])(
      'keeps a good checkpoint if everything stops at any call and the disk loses: %s',
      async (loss) => {
        const { total, copy } = await prepare(before, step);
        for (let k = 0; k < total; k++) {
          const disk = copy();
          const faulty = faultyFileSystem(disk, k, 'EIO', true);
          expect(await errorOf(save(faulty, step))).toBeInstanceOf(ToolError);
          const place = `stopped at call ${k}: ${faulty.calls[k]}`;
          const after = disk.afterStop(loss);
          const { step: newest, rejected } = await restart(after);
          expect([before.at(-1), step], place).toContain(newest);
          expect(rejected, place).toBe(0);
          // The run goes on from there.
          await save(after, step + 1);
          expect(await restart(after), place).toEqual({ step: step + 1, rejected: 0 });
        }
      },
    );

    it('has the checkpoint on the disk when it returns, whatever the disk loses then', async () => {
      const { copy } = await prepare(before, step);
      for (const loss of ['nothing', 'unsynced contents', 'unsynced contents and names'] as const) {
        const disk = copy();
        await save(disk, step);
        expect(await restart(disk.afterStop(loss))).toEqual({ step, rejected: 0 });
      }
    });

    it('completes short writes', async () => {
      const { total, copy } = await prepare(before, step);
      for (let k = 0; k < total; k++) {
        const disk = copy();
        await save(faultyFileSystem(disk, k, 'short write'), step);
        expect(await restart(disk)).toEqual({ step, rejected: 0 });
      }
    });
  });
});
