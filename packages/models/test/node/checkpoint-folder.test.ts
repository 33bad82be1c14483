import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  findNewestCheckpoint,
  keepLast,
  readPointer,
  stepName,
  sweepStale,
  writePointer,
} from '../../src/node/checkpoint-folder.ts';
import { saveCheckpoint } from '../../src/node/save-checkpoint.ts';
import { temporaryFolder } from './temporary-folder.ts';

function save(folder: string, step: number): Promise<string> {
  return saveCheckpoint({ folder, step, expectedBytes: 100, isBest: false, keep: 10 }, (directory) =>
    directory.writeFile('state.json', (sink) => sink.write(Uint8Array.of(step))),
  );
}

describe('findNewestCheckpoint', () => {
  it('lists newer checkpoints that are damaged, each with its reason', async () => {
    const folder = temporaryFolder();
    for (const step of [1, 2, 3, 100_000_000]) await save(folder, step);
    truncateSync(join(folder, stepName(3), 'state.json'), 0);
    writeFileSync(join(folder, stepName(100_000_000), 'manifest.json'), '{');
    const { found, rejected } = await findNewestCheckpoint(folder);
    expect(found?.name).toBe('step-00000002');
    expect(rejected.map(({ name }) => name)).toEqual(['step-100000000', 'step-00000003']);
    expect(rejected[1]?.faults).toEqual([{ file: 'state.json', problem: '0 bytes instead of 1' }]);
  });

  it('finds nothing in a folder that is empty or not there', async () => {
    const folder = temporaryFolder();
    expect(await findNewestCheckpoint(folder)).toEqual({ rejected: [] });
    expect(await findNewestCheckpoint(join(folder, 'no'))).toEqual({ rejected: [] });
  });
});

describe('pointers', () => {
  it('name a checkpoint and can be moved', async () => {
    const folder = temporaryFolder();
    expect(await readPointer(folder, 'best')).toBeUndefined();
    await writePointer(folder, 'best', stepName(4));
    await writePointer(folder, 'best', stepName(7));
    expect(await readPointer(folder, 'best')).toBe('step-00000007');
    expect(readdirSync(folder)).toEqual(['best']);
  });

  it.each(['../elsewhere', '', '/etc', '.tmp-x', 'a\nb', '\u00ff'.repeat(200)])(
    'are refused when they say %j',
    async (text) => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, 'latest'), text);
      await expect(readPointer(folder, 'latest')).rejects.toMatchObject({ code: 'corrupt' });
    },
  );
});

describe('keepLast', () => {
  it('keeps the newest and those that are pointed at, and leaves other names alone', async () => {
    const folder = temporaryFolder();
    for (const step of [1, 2, 3, 4, 5]) await save(folder, step);
    await writePointer(folder, 'best', stepName(2));
    mkdirSync(join(folder, 'notes'));
    expect(await keepLast(folder, 2)).toEqual([stepName(3), stepName(1)]);
    expect(readdirSync(folder)).toEqual(['best', 'latest', 'notes', stepName(2), stepName(4), stepName(5)]);
  });

  it('refuses to keep none', async () => {
    await expect(keepLast(temporaryFolder(), 0)).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('sweepStale', () => {
  it('removes what dead processes left and spares the living', async () => {
    const folder = temporaryFolder();
    const { pid: dead } = spawnSync(process.execPath, ['-e', '']);
    const make = (name: string): void => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'part'), 'x');
    };
    make(`.tmp-step-00000001-${dead}-0a1b2c3d`);
    make(`.old-step-00000002-${dead}-0a1b2c3d`);
    make(`.old-step-00000003-${dead}-0a1b2c3d`);
    make('step-00000003');
    make(`.tmp-step-00000004-${process.pid}-0a1b2c3d`);
    make(`.tmp-step-00000005-${process.pid}-0a1b2c3d`);
    utimesSync(join(folder, `.tmp-step-00000005-${process.pid}-0a1b2c3d`), 0, 0);
    make('.tmp-of-somebody-else');
    expect(await sweepStale(folder)).toHaveLength(4);
    expect(readdirSync(folder)).toEqual([
      '.tmp-of-somebody-else',
      `.tmp-step-00000004-${process.pid}-0a1b2c3d`,
      'step-00000002',
      'step-00000003',
    ]);
  });
});
