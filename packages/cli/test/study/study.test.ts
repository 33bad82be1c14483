import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/main.ts';
import { lockRun } from '../../src/run/run-lock.ts';
import type { PartRecord } from '../../src/study/part-store.ts';
import { type MainResult, runMain } from '../run-main.ts';

const CHOICE = ['--tiny', '--setting', 'tool', '--arms', 'sft,irl-interval'];

let folder = '';
let first: MainResult & { readonly dir: string };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-study-'));
  first = await study('first');
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a small study; `onText` hears what it prints, as it does. */
async function study(name: string, onText?: (text: string) => void, ...args: string[]) {
  const dir = join(folder, name);
  const printed = { out: '', err: '' };
  const code = await main(['study', ...CHOICE, '--dir', dir, ...args], {
    out: (text) => {
      printed.out += text;
    },
    err: (text) => {
      printed.err += text;
      onText?.(text);
    },
    hooks: { at: () => undefined, skipsKernelTests: true },
  });
  return { code, ...printed, dir };
}

/** The finished parts of a study, by kind. */
function partsOf(dir: string): Map<string, { readonly folder: string; readonly record: PartRecord }> {
  const names = readdirSync(join(dir, 'parts')).filter((name) => !name.endsWith('.partial'));
  return new Map(
    names.map((name) => {
      const part = join(dir, 'parts', name);
      const record = JSON.parse(readFileSync(join(part, 'part.json'), 'utf8')) as PartRecord;
      return [record.kind, { folder: part, record }];
    }),
  );
}

const weights = (part: string): string => readFileSync(join(part, 'model', 'model.safetensors')).toString('base64');

describe('dawngrad study', () => {
  it('does every part once, with a line each, and keeps what it was made of and what it took', () => {
    expect(first.code).toBe(0);
    const parts = partsOf(first.dir);
    for (const kind of ['base', 'sft', 'irl']) {
      const { record, folder: part } = parts.get(kind)!;
      expect(first.err).toContain(`${record.label}: ${record.headline}`);
      expect(record.seed).toBe(11);
      expect(record.wallSeconds).toBeGreaterThan(0);
      expect(record.flops).toBeGreaterThan(0);
      expect(existsSync(join(part, 'model', 'tokenizer.json'))).toBe(true);
      expect(existsSync(join(part, 'ckpt'))).toBe(false);
    }
    const { record, folder: part } = parts.get('irl')!;
    expect(record.inputs).toEqual({ base: `base-${parts.get('base')!.record.key}` });
    expect(readdirSync(join(part, 'model', 'critic'))).toContain('score.safetensors');
    const rows = readFileSync(join(part, 'metrics.jsonl'), 'utf8').trim().split('\n');
    expect(rows.map((row) => (JSON.parse(row) as { step: number }).step).slice(-2)).toEqual([1, 2]);
  });

  it('does nothing a second time, and only what is new where another arm is asked for', async () => {
    const before = partsOf(first.dir);
    const again = await study('first', undefined, '--only', 'train');
    expect(again.code).toBe(0);
    expect(again.err).toMatch(/\d+ parts, (\d+) of them done; about 0s/);
    for (const [kind, { record }] of partsOf(first.dir)) expect(record).toEqual(before.get(kind)!.record);
  });

  it('saves on Ctrl-C, in a part and between two, and goes on to the same weights', async () => {
    const dir = join(folder, 'stopped');
    mkdirSync(join(dir, 'parts'), { recursive: true });
    const base = partsOf(first.dir).get('base')!;
    cpSync(base.folder, join(dir, 'parts', `base-${base.record.key}`), { recursive: true });

    const interrupt = (at: RegExp) => {
      let isSent = false;
      return (text: string): void => {
        if (isSent || !at.test(text)) return;
        isSent = true;
        process.emit('SIGINT', 'SIGINT');
      };
    };
    const between = await study('stopped', interrupt(/sft: dev accuracy/), '--only', 'train');
    expect(between.code).toBe(130);
    expect([...partsOf(dir).keys()].sort()).toEqual(['base', 'sft']);

    const inside = await study('stopped', interrupt(/irl-interval: critic warm-up/), '--only', 'train');
    expect(inside.code).toBe(130);
    expect(inside.err).toContain('the same command goes on from there');
    const [partial] = readdirSync(join(dir, 'parts')).filter((name) => name.endsWith('.partial'));
    expect(readdirSync(join(dir, 'parts', partial!))).toEqual(expect.arrayContaining(['ckpt', 'spent.json']));

    const rest = await study('stopped', undefined, '--only', 'train');
    expect(rest.code).toBe(0);
    const [whole, continued] = [partsOf(first.dir).get('irl')!, partsOf(dir).get('irl')!];
    expect(continued.record.starts).toBe(2);
    expect(weights(continued.folder) === weights(whole.folder)).toBe(true);
    expect(readdirSync(continued.folder).sort()).toEqual(readdirSync(whole.folder).sort());
  }, 120_000);

  it('refuses a folder that another process works in, naming it', async () => {
    using _lock = lockRun(first.dir);
    const { code, err } = await study('first');
    expect(code).toBe(3);
    expect(err).toContain(`process ${process.pid} on`);
  });

  it('refuses a folder with something else, unknown arms and bad seeds, and writes nothing', async () => {
    const dir = join(folder, 'others');
    mkdirSync(dir);
    writeFileSync(join(dir, 'notes.md'), '');
    const foreign = await runMain('study', '--dir', dir);
    expect(foreign.code).toBe(3);
    expect(foreign.err).toMatch(/--dir .*others: expected a new or empty folder.* got one that holds notes\.md/s);
    expect(readdirSync(dir)).toEqual(['notes.md']);

    const arms = await runMain('study', '--dir', join(folder, 'none'), '--arms', 'irl-thick');
    expect(arms.code).toBe(2);
    expect(arms.err).toMatch(/--arms: expected some of sft, grpo, irl-sparse.*irl-thick/s);
    for (const flags of [
      ['--seed', '1.5'],
      ['--seeds', '0'],
      ['--seeds', '2', '--seed', '1'],
      ['--setting', 'x'],
    ]) {
      expect((await runMain('study', '--dir', join(folder, 'none'), ...flags)).code, flags.join(' ')).toBe(2);
    }
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });

  it('tells a damaged part from a finished one', async () => {
    const dir = join(folder, 'damaged');
    cpSync(first.dir, dir, { recursive: true });
    writeFileSync(join(partsOf(dir).get('sft')!.folder, 'part.json'), '{"schema": 1');
    const { code, err } = await runMain('study', ...CHOICE, '--dir', dir, '--dry-run');
    expect(code).toBe(4);
    expect(err).toMatch(/part\.json: expected the record of a finished part.*to have the part done again/s);
  });
});
