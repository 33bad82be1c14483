import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crc32c } from '../../src/sinks/tensorboard/crc32c.ts';
import { TensorboardSink } from '../../src/sinks/tensorboard/tensorboard-sink.ts';
import { tfRecord } from '../../src/sinks/tensorboard/tf-record.ts';
import { bitwiseCrc32c, readEventFile, readPoints } from './read-events.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-tensorboard-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const AT_MS = 1_700_000_000_250;

describe('CRC-32C', () => {
  it('is that of the check value, and of a reader that goes bit by bit', () => {
    const digits = new TextEncoder().encode('123456789');
    expect(crc32c(digits)).toBe(0xe3069283);
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 37) % 251);
    expect(crc32c(bytes)).toBe(bitwiseCrc32c(bytes));
  });
});

describe('tfRecord', () => {
  it('frames as TensorFlow does: the head of every event file that begins with a version', () => {
    expect(
      Buffer.from(tfRecord(new Uint8Array(24)))
        .subarray(0, 12)
        .toString('hex'),
    ).toBe('1800000000000000a37f4b22');
  });
});

describe('TensorboardSink', () => {
  it('writes one event a row, with its step, time and scalars', () => {
    const dir = join(folder, 'plain');
    const sink = new TensorboardSink(dir, () => AT_MS);
    sink.follow([{ step: 0, 'eval/accuracy': 0.25 }]);
    sink.row({ step: 1, loss: 1.5, 'mem/peak_bytes': 3e9 });
    sink.row({ step: 300, loss: -0.1 });
    const [name] = readdirSync(dir);
    expect(name).toBe('events.out.tfevents.1700000000.dawngrad');
    // Whole without being closed: a viewer reads along.
    const events = readEventFile(join(dir, name!));
    expect(events.map(({ wallTime }) => wallTime)).toEqual(events.map(() => AT_MS / 1000));
    expect(events[0]).toMatchObject({ version: 'brain.Event:2', step: 0 });
    expect(events[1]).toMatchObject({ isStart: true, step: 0 });
    expect(events.slice(2).map(({ step, values }) => ({ step, values }))).toEqual([
      { step: 0, values: { 'eval/accuracy': 0.25 } },
      { step: 1, values: { loss: 1.5, 'mem/peak_bytes': 3e9 } },
      { step: 300, values: { loss: Math.fround(-0.1) } },
    ]);
  });

  it("has the updates of a critic's warm-up as charts of their own", () => {
    const dir = join(folder, 'warm-up');
    const sink = new TensorboardSink(dir, () => AT_MS);
    sink.follow([]);
    sink.row({ step: 0, 'disc/updates': 7, 'disc/loss': 0.5 });
    sink.row({ step: 1, 'disc/updates': 10, 'disc/loss': 0.25 });
    expect(readPoints(dir)).toMatchObject([
      { step: 7, values: { 'warmup/disc/loss': 0.5, 'warmup/disc/updates': 7 } },
      { step: 1, values: { 'disc/loss': 0.25, 'disc/updates': 10 } },
    ]);
  });

  it('has no step twice where a run goes back, keeps the times of what stays, and catches up', async () => {
    const dir = join(folder, 'again');
    let nowMs = AT_MS;
    const first = new TensorboardSink(dir, () => nowMs);
    first.follow([]);
    for (const step of [1, 2, 3]) first.row({ step, loss: step });
    await first.close();
    const [old] = readdirSync(dir);
    // Killed in the middle of a write.
    appendFileSync(join(dir, old!), readFileSync(join(dir, old!)).subarray(0, 20));

    nowMs = AT_MS + 60_000;
    const second = new TensorboardSink(dir, () => nowMs);
    second.follow([
      { step: 1, loss: 1 },
      { step: 2, loss: 2 },
    ]);
    second.row({ step: 3, loss: 30 });
    // Within a start as well, here to before everything, and with rows that the sink has not seen.
    expect(readPoints(dir).map(({ values }) => values.loss)).toEqual([1, 2, 30]);
    const [name] = readdirSync(dir);
    expect(name! > old!).toBe(true);
    const times = readEventFile(join(dir, name!)).map(({ wallTime }) => wallTime - AT_MS / 1000);
    expect(times).toEqual([60, 60, 0, 0, 60]);
    second.follow(Array.from({ length: 5 }, (_, i) => ({ step: i + 1, loss: 100 + i })));
    expect(readPoints(dir).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
    expect(readdirSync(dir)[0]! > name!).toBe(true);
    await second.close();
  });
});
