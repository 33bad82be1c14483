import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/main.ts';
import { readRunFolder } from '../../src/read-run/run-folder.ts';
import { lockRun } from '../../src/run/run-lock.ts';
import type { PartRecord } from '../../src/study/part-store.ts';
import type { StudyReport } from '../../src/study/report/study-report.ts';
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

function partNames(dir: string): string[] {
  return readdirSync(join(dir, 'parts')).sort();
}

/** The finished parts that train, by kind. */
function trainedParts(dir: string): Map<string, { readonly folder: string; readonly record: PartRecord }> {
  const names = partNames(dir).filter((name) => /^(base|sft|grpo|irl)-\w+$/.test(name));
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
    const parts = trainedParts(first.dir);
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

  it('ends with a report, which can be written again without a device', async () => {
    const files = ['study.json', 'report.md', 'report.html'].map((name) => join(first.dir, name));
    expect(first.out).toContain(`report: ${files[1]}, ${files[2]}`);
    expect(first.out).toContain('cannot be told');
    expect(readRunFolder(first.dir).state).toBe('finished');
    const { command, claims, cost } = JSON.parse(readFileSync(files[0]!, 'utf8')) as Record<string, unknown>;
    expect(command).toBe('npm run study -- --tiny --setting tool --arms sft,irl-interval');
    expect(claims).toHaveLength(3);
    expect(cost).toMatchObject({ total: { parts: partNames(first.dir).length } });
    const texts = files.map((file) => readFileSync(file, 'utf8'));
    for (const file of files) rmSync(file);
    const { code, err } = await study('first', undefined, '--only', 'report');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(texts);
  });

  it('tells in its report with which plugins it is made again, and that seeds are to come', async () => {
    const plugin = join(folder, 'own.mjs');
    const code = "export default ({ airl }) => airl.registerEstimator('study-own', airl.ESTIMATORS.group)";
    writeFileSync(plugin, code);
    const args = ['--plugin', plugin, '--seed', '11,12', '--only', 'report'];
    expect((await study('first', undefined, ...args)).code).toBe(0);
    const { command } = JSON.parse(readFileSync(join(first.dir, 'study.json'), 'utf8')) as { command: string };
    expect(command).toBe(
      `npm run study -- --plugin ${plugin} --tiny --seed 11,12 --setting tool --arms sft,irl-interval`,
    );
    expect(readRunFolder(first.dir).state).toBe('stopped');
  });

  it('tells what is missing where a report is asked for too early', async () => {
    const { code, err } = await study('nothing', undefined, '--only', 'report');
    expect(code).toBe(3);
    expect(err).toMatch(/--only report .*: expected a study with a seed of which all is measured, got none yet/);
    expect(existsSync(join(folder, 'nothing'))).toBe(false);
  });

  it('does nothing a second time', async () => {
    const before = partNames(first.dir);
    const again = await study('first');
    expect({ code: again.code, err: again.err, out: again.out }).toEqual({ code: 0, err: '', out: first.out });
    expect(partNames(first.dir)).toEqual(before);
  });

  it('saves on Ctrl-C, in a part and between two, and goes on to the same weights', async () => {
    const dir = join(folder, 'stopped');
    mkdirSync(join(dir, 'parts'), { recursive: true });
    const base = trainedParts(first.dir).get('base')!;
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
    expect([...trainedParts(dir).keys()].sort()).toEqual(['base', 'sft']);

    const inside = await study('stopped', interrupt(/irl-interval: critic warm-up/), '--only', 'train');
    expect(inside.code).toBe(130);
    expect(inside.err).toContain('the same command goes on from there');
    const [partial] = readdirSync(join(dir, 'parts')).filter((name) => name.endsWith('.partial'));
    expect(readdirSync(join(dir, 'parts', partial!))).toEqual(expect.arrayContaining(['ckpt', 'spent.json']));

    const rest = await study('stopped', undefined, '--only', 'train');
    expect(rest.code).toBe(0);
    const [whole, continued] = [trainedParts(first.dir).get('irl')!, trainedParts(dir).get('irl')!];
    expect(continued.record.starts).toBe(2);
    expect(weights(continued.folder) === weights(whole.folder)).toBe(true);
    expect(readdirSync(continued.folder).sort()).toEqual(readdirSync(whole.folder).sort());
  }, 120_000);

  it('trains nothing again where it was cut off behind the last step', async () => {
    const dir = join(folder, 'cut');
    cpSync(first.dir, dir, { recursive: true });
    const { folder: part, record } = trainedParts(dir).get('irl')!;
    const whole = weights(part);
    renameSync(part, `${part}.partial`);
    rmSync(join(`${part}.partial`, 'part.json'));
    // What is left where the process ended between the two.
    mkdirSync(join(`${part}.partial`, 'ckpt'));
    writeFileSync(join(`${part}.partial`, 'model', 'manifest.json'), '{}');
    const { code, err } = await study('cut');
    expect(code).toBe(0);
    expect(err).toContain(`irl-interval: ${record.headline}`);
    expect(err).not.toContain('irl-interval: critic warm-up');
    expect(weights(part) === whole).toBe(true);
    expect(readdirSync(part).sort()).toEqual(readdirSync(trainedParts(first.dir).get('irl')!.folder).sort());
    expect(existsSync(join(part, 'model', 'manifest.json'))).toBe(false);
  });

  it('refuses a folder that another process works in, naming it', async () => {
    using _lock = lockRun(first.dir);
    const { code, err } = await study('first', undefined, '--seed', '12');
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

  it('says that only the training is done where that was asked for', async () => {
    const dir = join(folder, 'trained');
    mkdirSync(join(dir, 'parts'), { recursive: true });
    for (const name of partNames(first.dir).filter((one) => /^(base|sft|irl)-/.test(one))) {
      cpSync(join(first.dir, 'parts', name), join(dir, 'parts', name), { recursive: true });
    }
    const { code, out } = await study('trained', undefined, '--only', 'train');
    expect({ code, out }).toEqual({
      code: 0,
      out: `3 parts are done in ${dir}; without --only, the same command goes on with the others\n`,
    });
  });

  it('goes on with the others where a part fails, and tells of it at the end', async () => {
    const dir = join(folder, 'failing');
    cpSync(first.dir, dir, { recursive: true });
    for (const name of partNames(dir).filter((one) => /^(samples|judge)-/.test(one))) {
      rmSync(join(dir, 'parts', name), { recursive: true });
    }
    writeFileSync(join(trainedParts(dir).get('irl')!.folder, 'model', 'model.safetensors'), 'not weights');
    const { code, err } = await study('failing');
    expect(code).toBe(1);
    expect(err).toMatch(/tool samples of irl-interval, test, at 1: FAILED: .*model\.safetensors/);
    expect(err).toMatch(/tool samples of sft, test, at 1: pass@1/);
    expect(err).toMatch(/study: expected parts that all end well, got 3 that failed: seed 11 tool samples of irl/);
    expect(partNames(dir).filter((name) => /^judge-/.test(name))).toEqual([]);
  });

  it('measures a seed without an arm whose training failed, and counts that as a collapse', async () => {
    const dir = join(folder, 'diverged');
    cpSync(first.dir, dir, { recursive: true });
    const plugin = join(folder, 'broken.mjs');
    writeFileSync(plugin, "export default ({ airl }) => airl.registerEstimator('study-broken', () => null)");
    const variant = 'irl-interval+estimator=study-broken';
    const args = ['--plugin', plugin, '--arms', `sft,irl-interval,${variant}`];
    const { code, err, out } = await study('diverged', undefined, ...args);
    expect(code).toBe(1);
    expect(err).toMatch(/study-broken: FAILED: .*got nothing/);
    expect(err).toContain(`got 1 that failed: seed 11 tool ${variant}.`);
    // All else was there, proof-reading of the samples that there are too.
    expect(partNames(dir).filter((name) => !name.endsWith('.partial'))).toEqual(partNames(first.dir));
    expect(out).toBe('');
    expect(err).toContain(`report of seed 11 tool: ${join(dir, 'report.html')}`);
    const report = (): StudyReport => JSON.parse(readFileSync(join(dir, 'study.json'), 'utf8')) as StudyReport;
    const { isWhole, results, targets } = report();
    expect(isWhole).toBe(true);
    expect(results[0]!.policies.map(({ name }) => name)).toEqual(['base', 'sft', 'irl-interval']);
    const collapse = results[0]!.collapses.find(({ policy }) => policy === variant)!;
    expect(collapse.reasons).toEqual([expect.stringMatching(/^training failed: advantage estimator .*got nothing$/)]);
    expect(targets[2]).toMatchObject({ status: 'not reached', found: expect.stringContaining('training failed') });
    rmSync(join(dir, 'study.json'));
    expect((await study('diverged', undefined, ...args, '--only', 'report')).code).toBe(0);
    expect(report().results[0]!.collapses).toContainEqual(collapse);
    expect((await study('diverged', undefined, ...args, '--dry-run')).out).toMatch(/study-broken .* failed *$/m);
  }, 60_000);

  it('does the rest where a file of a finished part is damaged, and tells which folder to remove', async () => {
    const dir = join(folder, 'cut-scores');
    cpSync(first.dir, dir, { recursive: true });
    const judge = join(dir, 'parts', partNames(dir).find((name) => name.startsWith('judge-'))!);
    writeFileSync(join(judge, 'sft-test.jsonl'), '{"p": 0}\n{"p":\n{}\n');
    const { code, err } = await study('cut-scores', undefined, '--seed', '11,12', '--only', 'train');
    expect(code).toBe(4);
    expect(err).toMatch(/seed 11 tool is not in the report: .*sft-test\.jsonl: expected a JSON object, got other text/);
    expect(err).toContain(`Hint: remove ${judge} to have the part done again.`);
    expect(partNames(dir).filter((name) => /^(base|sft|irl)-\w+$/.test(name))).toHaveLength(6);
    rmSync(judge, { recursive: true });
    expect((await study('cut-scores')).code).toBe(0);
  }, 60_000);

  it('tells a damaged part from a finished one', async () => {
    const dir = join(folder, 'damaged');
    cpSync(first.dir, dir, { recursive: true });
    writeFileSync(join(trainedParts(dir).get('sft')!.folder, 'part.json'), '{"schema": 1');
    const { code, err } = await runMain('study', ...CHOICE, '--dir', dir, '--dry-run');
    expect(code).toBe(4);
    expect(err).toMatch(/part\.json: expected the record of a finished part.*to have the part done again/s);
  });
});
