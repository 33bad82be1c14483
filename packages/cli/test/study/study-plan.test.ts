import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needsAdapter } from '../../setup/launcher.mjs';
import type { StudyPart } from '../../src/study/part.ts';
import { partKey } from '../../src/study/part-key.ts';
import type { PartRecord } from '../../src/study/part-store.ts';
import { StudyEta } from '../../src/study/study-eta.ts';
import { planStudy, TRAINING_KINDS } from '../../src/study/study-plan.ts';
import { type StudySettings, studySettings } from '../../src/study/study-settings.ts';
import { needsAdapter as stageNeedsAdapter } from '../../src/sweep/stage-verb.ts';
import { runMain } from '../run-main.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-study-plan-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const both = ['tool', 'open'] as const;
const tiny = (seeds: readonly number[] = [11]): StudySettings => studySettings({ size: 'tiny', seeds, settings: both });

/** Kind, setting and label of each part, by its key. */
function keysOf(settings: StudySettings): Map<string, string> {
  const { parts } = planStudy(settings);
  return new Map(parts.map((part) => [`${part.seed} ${part.setting} ${part.kind} ${part.label}`, partKey(part)]));
}

/** The parts whose keys two settings do not share. */
function changed(a: StudySettings, b: StudySettings): string[] {
  const [before, after] = [keysOf(a), keysOf(b)];
  return [...after].filter(([name, key]) => before.get(name) !== key).map(([name]) => name);
}

describe('the plan of a study', () => {
  it('has every part once, after its inputs, and all of a seed before the next one', () => {
    const { parts } = planStudy(tiny([11, 12]));
    const seen = new Set<StudyPart>();
    for (const part of parts) {
      for (const input of Object.values(part.inputs))
        expect([...seen].some((one) => partKey(one) === partKey(input))).toBe(true);
      seen.add(part);
    }
    expect(new Set(parts.map(partKey)).size).toBe(parts.length);
    const seeds = parts.map(({ seed }) => seed);
    expect(seeds).toEqual([...seeds].sort((a, b) => a - b));
    const trained = parts.filter(({ kind, seed }) => seed === 11 && TRAINING_KINDS.includes(kind));
    expect(trained.map(({ setting, label }) => `${setting ?? 'both'} ${label}`)).toEqual([
      'both base model',
      ...['sft', 'grpo', 'irl-sparse', 'irl-step', 'irl-interval', 'irl-dense'].map((name) => `tool ${name}`),
      ...['irl-step-segment', 'irl-interval-segment', 'irl-dense-token', 'irl-interval-relabel'].map(
        (name) => `tool ${name}`,
      ),
      ...['irl-step-published', 'irl-interval-published'].map((name) => `tool ${name}`),
      ...['sft', 'grpo', 'irl-sparse', 'irl-step', 'irl-interval', 'irl-dense'].map((name) => `open ${name}`),
    ]);
  });

  it('keeps the keys of parts that other seeds, settings and arms do not touch', () => {
    expect(changed(tiny([11, 12]), tiny([11]))).toEqual([]);
    expect(changed(tiny(), studySettings({ size: 'tiny', seeds: [11], settings: ['open'] }))).toEqual([]);
    // Proof-reading sees the samples of all arms at once.
    expect(changed(tiny(), studySettings({ size: 'tiny', seeds: [11], settings: both, arms: ['irl-step'] }))).toEqual([
      '11 tool proofread proof-reading',
      '11 open proofread proof-reading',
    ]);
    const trains = (names: string[]): string[] => names.filter((name) => TRAINING_KINDS.includes(name.split(' ')[2]!));
    const full = studySettings({ size: 'full', seeds: [11], settings: both });
    // What the test problems are cannot change what is trained.
    expect(trains(changed(full, { ...full, task: { ...full.task, test: 200 } }))).toEqual([]);
    expect(trains(changed(full, { ...full, rounds: { ...full.rounds, open: 61 } }))).toEqual(
      ['grpo grpo', 'irl irl-sparse', 'irl irl-step', 'irl irl-interval', 'irl irl-dense'].map(
        (name) => `11 open ${name}`,
      ),
    );
    const fewer = trains(changed(full, { ...full, task: { ...full.task, demonstrations: 99 } }));
    expect(fewer).toHaveLength(trains([...keysOf(full).keys()]).length - 1);
    expect(fewer.some((name) => name.includes('base'))).toBe(false);
    const every = changed(full, { ...full, pretrainSteps: 2601 });
    // Traces that no model writes are the same whatever the base model is.
    const unlearned = [...keysOf(full).keys()].filter((name) => ['planted', 'writer'].includes(name.split(' ')[2]!));
    expect(unlearned.length).toBeGreaterThan(0);
    expect([...every, ...unlearned].sort()).toEqual([...keysOf(full).keys()].sort());
  });

  it('measures a seed without arms whose training failed, all else being the same parts', () => {
    const settings = tiny([11, 12]);
    const fails = ({ seed, setting, label }: StudyPart): string | undefined =>
      seed === 12 && setting === 'tool' && ['sft', 'irl-step'].includes(label) ? 'step 3: diverged' : undefined;
    const plan = planStudy(settings, fails);
    const [, , second] = plan.measured;
    expect(second!.trained.failed).toEqual([{ arm: 'irl-step', message: 'step 3: diverged' }]);
    // Nothing can be measured without SFT.
    expect([...second!.trained.arms.keys()].slice(0, 4)).toEqual(['sft', 'grpo', 'irl-sparse', 'irl-interval']);
    expect(second!.judges.has('irl-step')).toBe(false);
    const known = new Set(planStudy(settings).parts.map(partKey));
    expect(plan.parts.filter((part) => !known.has(partKey(part))).map(({ kind }) => kind)).toEqual(['proofread']);
    expect(plan.parts.some((part) => fails(part) !== undefined && part.label === 'irl-step')).toBe(false);
  });

  it('tells arms apart by what they do alone', () => {
    const settings = tiny();
    const [sft, , , , , dense] = settings.arms.open;
    const renamed = { ...settings, arms: { ...settings.arms, open: [sft!, { ...dense!, name: 'irl-renamed' }] } };
    const keys = new Set(keysOf(settings).values());
    const irl = planStudy(renamed).parts.filter(({ kind, setting }) => kind === 'irl' && setting === 'open');
    expect(irl.map((part) => keys.has(partKey(part)))).toEqual([true]);
  });
});

describe('the time that is left', () => {
  it('goes by parts of the same kind, then by all, then by a known rate', () => {
    const part = (kind: string, flops: number): Pick<StudyPart, 'kind' | 'cost'> => ({
      kind,
      cost: { flops, tokens: 0, bytes: 0 },
    });
    const record = (
      kind: string,
      flops: number,
      wallSeconds: number,
    ): Pick<PartRecord, 'kind' | 'flops' | 'wallSeconds'> => ({
      kind,
      flops,
      wallSeconds,
    });
    const eta = new StudyEta('cpu');
    const guess = eta.secondsOf(part('irl', 3e10));
    expect(guess).toBeGreaterThan(0.1);
    eta.add(record('base', 1e12, 100));
    expect(eta.secondsOf(part('irl', 2e12))).toBeCloseTo(200, 9);
    eta.add(record('irl', 1e12, 50));
    expect(eta.secondsOf(part('irl', 2e12))).toBeCloseTo(100, 9);
    expect(eta.secondsOf(part('grpo', 2e12))).toBeCloseTo(150, 9);
  });
});

describe('study --dry-run', () => {
  it('prints parts and sums, needs no adapter and writes nothing', async () => {
    const dir = join(folder, 'planned');
    const plan = async (...args: string[]): Promise<string> => {
      const { code, out } = await runMain('study', '--dir', dir, '--dry-run', ...args);
      expect(code).toBe(0);
      return out;
    };
    const one = await plan('--seed', '12', '--setting', 'open');
    expect(one).toMatch(/^ +12 +both +base model +1\.65e\+12 +2\.66 M .* MB *$/m);
    expect(one).toMatch(/^ +12 +open +irl-dense /m);
    expect(one).toMatch(/^ +all .*\n\n\d+ parts, 0 done; times: for two CPU cores/m);
    const many = await plan('--seeds', '2', '--only', 'train');
    expect(many).toMatch(/^ +11 +tool +irl, 10 parts /m);
    expect(many).toMatch(/^ +12 +open +irl, 4 parts /m);
    expect(existsSync(dir)).toBe(false);
    expect(needsAdapter(['study', '--dry-run'])).toBe(false);
    expect(needsAdapter(['study', '--quick'])).toBe(true);
    expect(stageNeedsAdapter(['study'])).toBe(true);
  });
});
