import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodePrompt, policyRecord, type TaskPrompt } from '@dawngrad/airl';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleLine } from '../../../src/study/measure/draw-samples.ts';
import { measureSeed } from '../../../src/study/measure/measure-seed.ts';
import { setProblems } from '../../../src/study/measure/problem-set.ts';
import {
  linesText,
  SAMPLES_FILE,
  type SampleLine,
  type ScoreLine,
  TRACES_FILE,
  type TraceLine,
} from '../../../src/study/measure/trace-line.ts';
import type { StudyPart } from '../../../src/study/part.ts';
import { PartStore } from '../../../src/study/part-store.ts';
import type { SeedMeasures } from '../../../src/study/seed-measures.ts';
import { planStudy } from '../../../src/study/study-plan.ts';
import { studySettings } from '../../../src/study/study-settings.ts';
import { studyTask } from '../../../src/study/study-task.ts';
import { idsOf, solution } from './chain-text.ts';

const settings = studySettings({ size: 'tiny', seeds: [11], settings: ['tool'], arms: ['sft', 'irl-interval'] });
const [parts] = planStudy(settings).measured;
const task = studyTask(settings, 11, 'tool');
const { measure } = settings;

let folder = '';
const folderOf = (part: StudyPart): string => join(folder, PartStore.nameOf(part));

function write(part: StudyPart, file: string, lines: readonly object[]): void {
  mkdirSync(folderOf(part), { recursive: true });
  writeFileSync(join(folderOf(part), file), linesText(lines));
}

/** Sample g of a question is right where g is even; otherwise its last line is wrong. All tokens: -1 nat. */
function constructed(prompt: TaskPrompt, p: number, g: number, where: typeof task): SampleLine {
  const { rules } = decodePrompt(prompt.promptIds);
  const ids = idsOf(solution(task, prompt, g % 2 === 0 ? undefined : rules.length - 1));
  const record = policyRecord(where, prompt, ids, { granularity: 'sparse' }, { round: 0, index: g });
  record.logp = Float32Array.from(ids, () => -1);
  return sampleLine(task, record, p, g);
}

/** A scorer that knows the truth: 1 up to the first error and -1 from there on. */
function knowing({ p, g, ids, error }: TraceLine): ScoreLine {
  const units = Array.from({ length: Math.ceil((ids.length - 5) / 8) + 1 }, (_, unit) =>
    error !== null && unit >= error ? -1 : 1,
  );
  return { p, g, reward: units.reduce((sum, value) => sum + value, 0) / units.length, units };
}

/** And one that is always mistaken. */
const mistaken = (line: TraceLine): ScoreLine => {
  const { units, reward, ...at } = knowing(line);
  return { ...at, reward: -reward, units: units.map((value) => -value) };
};

let measures: SeedMeasures;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-measure-'));
  const traces = new Map<StudyPart, readonly TraceLine[]>();
  for (const { set, temperature, part } of parts!.samples) {
    const problems = setProblems(task, set, temperature, measure);
    const lines = problems.prompts.flatMap((prompt, p) =>
      Array.from({ length: problems.samplesPerProblem }, (_, g) => constructed(prompt, p, g, problems.task)),
    );
    traces.set(part, lines);
    write(part, SAMPLES_FILE, lines);
  }
  for (const { part, prompts, perProblem } of [parts!.planted, ...parts!.writer.values()]) {
    const lines = prompts.flatMap((prompt, p) =>
      Array.from({ length: perProblem }, (_, g): TraceLine => {
        // Planted errors are in the first line.
        const isPlanted = part.kind === 'planted';
        const ids = [...idsOf(solution(task, prompt, isPlanted ? 0 : g % 2 === 0 ? undefined : 2))];
        const isRight = !isPlanted && g % 2 === 0;
        return { p, g, ids, error: isRight ? null : isPlanted ? 0 : 2, correct: isRight, answer: String(g) };
      }),
    );
    traces.set(part, lines);
    write(part, TRACES_FILE, lines);
  }
  const scores = (by: StudyPart, score: (line: TraceLine) => ScoreLine): void => {
    for (const [name, input] of Object.entries(by.inputs)) {
      if (name !== 'model') write(by, `${name}.jsonl`, traces.get(input)!.map(score));
    }
  };
  scores(parts!.proofread, knowing);
  scores(parts!.logProbs, mistaken);
  scores(parts!.judges.get('irl-interval')!, knowing);
  const { arms } = parts!.trained;
  write(arms.get('sft')!, 'metrics.jsonl', [{ step: 1, loss: 2 }]);
  write(
    arms.get('irl-interval')!,
    'metrics.jsonl',
    Array.from({ length: 20 }, (_, i) => ({ step: i + 1, accuracy: i === 7 ? 0.9 : i / 40, reward: i, kl: 0.01 * i })),
  );
  measures = measureSeed(settings, parts!, folderOf);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('measureSeed', () => {
  it('has the share of right samples of every policy at every temperature', () => {
    expect(
      measures.policies.map(({ name, temperature, samplesPerProblem }) => [name, temperature, samplesPerProblem]),
    ).toEqual([
      ['base', 1, 4],
      ['base', 0.5, 2],
      ['sft', 1, 4],
      ['sft', 0.5, 2],
      ['irl-interval', 1, 4],
      ['irl-interval', 0.5, 2],
    ]);
    for (const policy of measures.policies) {
      expect(policy.perProblem).toEqual(new Array(8).fill(0.5));
      expect(policy).toMatchObject({ wellFormed: 1, fudgedPerSample: 0, withFudged: 0, fullyRight: 0.5 });
    }
    expect(measures.isCovered).toHaveLength(8);
    expect(measures.coverage).toBe(task.coverage.fraction);
  });

  it('reranks the samples of SFT, of the arm and of the base model by all that was scored', () => {
    const rows = measures.rerank.filter(({ n }) => n === 4);
    expect(new Set(rows.map(({ policy }) => policy))).toEqual(new Set(['base', 'sft', 'irl-interval']));
    const selectors = rows.filter(({ policy }) => policy === 'sft');
    expect(selectors.map(({ selector }) => selector)).toEqual([
      'mean',
      'majority',
      'length',
      'log-probability',
      'proof-reading',
      'critic irl-interval',
      'critic-majority irl-interval',
      'oracle',
    ]);
    const passed = new Map(selectors.map(({ selector, perProblem }) => [selector, perProblem]));
    // All tokens of all samples are equally likely, and all samples of a problem equally long.
    for (const name of ['mean', 'length', 'log-probability']) expect(passed.get(name)).toEqual(new Array(8).fill(0.5));
    for (const name of ['oracle', 'proof-reading', 'critic irl-interval', 'critic-majority irl-interval']) {
      expect(passed.get(name)).toEqual(new Array(8).fill(1));
    }
    // There are no 16 samples.
    expect(measures.rerank.some(({ n }) => n === 16)).toBe(false);
    const auroc = measures.auroc.filter(({ policy }) => policy === 'sft');
    expect(auroc.map(({ scorer, value }) => [scorer, value])).toEqual([
      ['log-probability', 0.5],
      ['proof-reading', 1],
      ['critic irl-interval', 1],
    ]);
  });

  it('finds first wrong lines by every localiser, of natural and of planted errors', () => {
    const hitsOf = (kind: string): Map<string, number> =>
      new Map(
        measures.localise
          .filter((one) => one.kind === kind)
          .map(({ localiser, hits, n, chance }) => {
            // At most eight wrong samples are taken, and there are eight planted errors.
            expect(n).toBe(8);
            expect(chance).toBeGreaterThanOrEqual(1 / 5);
            expect(chance).toBeLessThanOrEqual(1 / 3);
            return [localiser, hits];
          }),
      );
    const natural = hitsOf('natural');
    expect([...natural.keys()]).toEqual([
      'always-first',
      ...['log-probability', 'proof-reading', 'critic irl-interval'].flatMap((signal) =>
        ['drop', 'lowest', 'threshold'].map((rule) => `${signal}, ${rule}`),
      ),
    ]);
    for (const rule of ['drop', 'lowest', 'threshold']) {
      expect(natural.get(`proof-reading, ${rule}`)).toBe(8);
      expect(natural.get(`critic irl-interval, ${rule}`)).toBe(8);
    }
    // Its errors are in the last lines, and -1 everywhere names the first.
    expect([natural.get('always-first'), natural.get('log-probability, drop')]).toEqual([0, 0]);
    const planted = hitsOf('planted');
    expect([planted.get('always-first'), planted.get('critic irl-interval, drop')]).toEqual([8, 8]);
    expect(planted.get('log-probability, drop')).toBe(0);
  });

  it('has longer chains: what policies write, and what scorers make of written traces', () => {
    const value = (kind: string, name: string): number | null | undefined =>
      measures.longer.find((one) => one.steps === 5 && one.kind === kind && one.name === name)?.value;
    for (const policy of ['base', 'sft', 'irl-interval']) {
      expect([value('pass@1', policy), value('well-formed', policy)]).toEqual([0.5, 1]);
    }
    expect(value('rerank', 'mean')).toBe(0.5);
    expect(value('rerank', 'critic irl-interval')).toBe(1);
    expect(value('rerank', 'log-probability')).toBe(0);
    expect(value('auroc', 'proof-reading')).toBe(1);
    expect(value('auroc', 'log-probability')).toBe(0);
    expect(value('first error', 'critic irl-interval, drop')).toBe(1);
    expect(value('first error', 'always-first')).toBe(0);
  });

  it('tells how each arm trained', () => {
    expect(measures.training).toEqual([
      expect.objectContaining({ arm: 'sft', rounds: 1, lastAccuracy: null, bestAccuracy: null, lastReward: null }),
      expect.objectContaining({
        arm: 'irl-interval',
        rounds: 20,
        bestAccuracy: 0.9,
        firstReward: 0.5,
        lastReward: 18.5,
      }),
    ]);
    expect(measures.training[1]!.lastAccuracy).toBeCloseTo(18.5 / 40, 12);
  });

  it('refuses files that are cut, missing or of other traces', () => {
    const judge = parts!.judges.get('irl-interval')!;
    const file = join(folderOf(judge), 'sft-test.jsonl');
    const scores = Array.from({ length: 32 }, (_, i) => ({ p: Math.floor(i / 4), g: i % 4, reward: 1, units: [1] }));
    const attempt = (): SeedMeasures => measureSeed(settings, parts!, folderOf);
    writeFileSync(file, linesText(scores.slice(1)));
    expect(attempt).toThrow(/sft-test\.jsonl.*scores of 32 traces/s);
    writeFileSync(file, linesText(scores).slice(0, -10));
    expect(attempt).toThrow(/cut line behind 31 whole ones/);
    rmSync(file);
    expect(attempt).toThrow(/no such file/);
  });
});
