import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Device, TuningTable } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeTuneCase, parseTuneCase, TUNE_SHAPES } from '../../src/tuning/tune-cases.ts';
import { loadTuning, saveTuning, tuningFile, tuningOrigin } from '../../src/tuning/tuning-cache.ts';
import { runMain } from '../run-main.ts';

let folder: string;
const cache = process.env.XDG_CACHE_HOME;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-tuning-'));
  process.env.XDG_CACHE_HOME = folder;
});
afterAll(() => {
  if (cache === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = cache;
  rmSync(folder, { recursive: true, force: true });
});

describe('dawngrad bench tune', () => {
  it('prints the candidates of a shape and what won, and keeps the pick where it is told to', async () => {
    const json = join(folder, 'times.json');
    const { code, out, err } = await runMain(
      'bench',
      'tune',
      '--quick',
      '--shape',
      '33x64x32:nt',
      '--save',
      '--json',
      json,
    );
    expect(err).toContain('saved: ');
    expect(code).toBe(0);
    expect(out).toMatch(/^33x64x32:nt \(class nt f32 /);
    expect(out).toMatch(/candidate +us +least us +GFLOP\/s/);
    expect(out).toMatch(/static choice/);
    expect(JSON.parse(readFileSync(json, 'utf8')).results).toHaveLength(1);
    const [file] = readdirSync(join(folder, 'dawngrad', 'tuning'));
    const table = TuningTable.fromJSON(JSON.parse(readFileSync(join(folder, 'dawngrad', 'tuning', file!), 'utf8')));
    expect(table.size).toBe(1);
  });

  it.each([['12x'], ['0x4x4'], ['4x4x4:xx'], ['4x4'], ['70000x4x4']])('refuses the shape %s', async (shape) => {
    const { code, err } = await runMain('bench', 'tune', '--shape', shape);
    expect(code).toBe(2);
    expect(err).toContain(shape);
  });

  it('has shapes of its own that it can read', () => {
    for (const shape of TUNE_SHAPES) expect(describeTuneCase(parseTuneCase(shape))).toBe(shape);
  });
});

describe('saved picks', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.close());

  it('are added to, and passed over with a note where the file is damaged or of another adapter', () => {
    const notes: string[] = [];
    const note = (text: string): number => notes.push(text);
    const origin = tuningOrigin(device);
    const pick = { candidate: 'a', microseconds: 1, staticCandidate: 'b', staticMicroseconds: 2 };
    const table = new TuningTable(origin);
    table.set('one', pick);
    saveTuning(device, table, note);
    const more = new TuningTable(origin);
    more.set('two', pick);
    const file = saveTuning(device, more, note);
    expect(
      loadTuning(device, note)!
        .entries()
        .map(([name]) => name),
    ).toEqual(expect.arrayContaining(['one', 'two']));
    expect(notes).toEqual([]);
    writeFileSync(file, '{"format":');
    expect(loadTuning(device, note)).toBeUndefined();
    expect(notes.at(-1)).toMatch(/damaged/);
    writeFileSync(file, JSON.stringify(new TuningTable({ ...origin, driver: 'another' })));
    expect(loadTuning(device, note)).toBeUndefined();
    expect(notes.at(-1)).toMatch(/another adapter/);
    expect(tuningFile({ ...origin, adapter: '../../x' })).toMatch(/tuning[\\/][^\\/]*\.json$/);
  });
});
