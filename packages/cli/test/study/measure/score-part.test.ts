import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device } from '@dawngrad/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linesText, TRACES_FILE, type TraceLine } from '../../../src/study/measure/trace-line.ts';
import type { PartWork, StudyPart } from '../../../src/study/part.ts';
import { partKey } from '../../../src/study/part-key.ts';
import { basePart } from '../../../src/study/parts/base.ts';
import { scorePart, type TraceSet } from '../../../src/study/parts/score-part.ts';
import { plantedPart } from '../../../src/study/parts/traces.ts';
import { studySettings } from '../../../src/study/study-settings.ts';
import { studyTask } from '../../../src/study/study-task.ts';

const settings = studySettings({ size: 'tiny', seeds: [11], settings: ['tool'] });
const task = studyTask(settings, 11, 'tool');
const model = basePart(settings, 11);
const planted = plantedPart(settings, 11, 'tool');
const setOf = (name: string): TraceSet => ({ task, prompts: task.test, name, part: planted, perProblem: 1 });

let folder = '';
/** The sets that were scored: by their numbers of traces. */
let scored: number[] = [];
let isDisposed = false;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-score-'));
  scored = [];
  isDisposed = false;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A part that scores sets by their lengths. */
function lengths(names: readonly string[]): StudyPart {
  const open = async () => ({
    score: async ({ lines }: { readonly lines: readonly TraceLine[] }) => {
      scored.push(lines.length);
      return lines.map(({ p, g, ids }) => ({ p, g, reward: ids.length, units: [] }));
    },
    dispose: () => {
      isDisposed = true;
    },
  });
  return scorePart({ kind: 'judge', version: 1, label: 'lengths', model, settings: {}, open }, names.map(setOf));
}

/** Where the part works, with sets of one trace, two traces and so on. */
function workIn(names: readonly string[], shouldStop = (): boolean => false): PartWork {
  const work = join(folder, 'work');
  mkdirSync(work, { recursive: true });
  const inputs = names.map((name, i) => {
    const input = join(folder, name);
    mkdirSync(input, { recursive: true });
    const lines = Array.from({ length: i + 1 }, (_, p) => ({ p, g: 0, ids: [1, 2], error: null }));
    writeFileSync(join(input, TRACES_FILE), linesText(lines));
    return [name, { folder: input, result: {} }] as const;
  });
  return {
    // Nothing here computes on a device.
    device: undefined as unknown as Device,
    folder: work,
    inputs: { model: { folder, result: {} }, ...Object.fromEntries(inputs) },
    progress: { step: () => undefined, note: () => undefined, plan: () => undefined, phase: () => undefined },
    shouldStop,
  };
}

describe('scorePart', () => {
  it('writes a file a set, in the order of its traces', async () => {
    const work = workIn(['a', 'b']);
    expect(await lengths(['a', 'b']).run(work)).toMatchObject({ status: 'finished' });
    expect(readdirSync(work.folder).sort()).toEqual(['a.jsonl', 'b.jsonl']);
    expect(readFileSync(join(work.folder, 'b.jsonl'), 'utf8')).toBe(
      linesText([0, 1].map((p) => ({ p, g: 0, reward: 2, units: [] }))),
    );
    expect(isDisposed).toBe(true);
  });

  it('stops after a set, frees its model, and scores only the others when it goes on', async () => {
    expect(await lengths(['a', 'b', 'c']).run(workIn(['a', 'b', 'c'], () => scored.length === 2))).toEqual({
      status: 'stopped',
    });
    expect([scored, isDisposed]).toEqual([[1, 2], true]);
    scored = [];
    expect(await lengths(['a', 'b', 'c']).run(workIn(['a', 'b', 'c']))).toMatchObject({ status: 'finished' });
    expect(scored).toEqual([3]);
  });

  it('is another part for other sets, and knows what it costs', () => {
    const [one, two] = [lengths(['a']), lengths(['a', 'b'])];
    expect(partKey(one)).not.toBe(partKey(two));
    expect(two.cost.tokens).toBe(2 * one.cost.tokens);
    expect(Object.keys(two.inputs)).toEqual(['model', 'a', 'b']);
  });
});
