import { Critic, createInverseRulesTask, meanReward, policyRecord, STREAMS, type TraceRecord } from '@dawngrad/airl';
import { DecoderModel } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawSamples } from '../../../src/study/measure/draw-samples.ts';
import { criticScorer, logProbScorer, proofreadScorer, reviewOf } from '../../../src/study/measure/score-traces.ts';
import type { SampleLine } from '../../../src/study/measure/trace-line.ts';
import { recipeModel } from '../../../src/study/recipe.ts';
import { idsOf, solution } from './chain-text.ts';

const task = createInverseRulesTask({ seed: 3, setting: 'tool', demonstrations: 4, dev: 2, test: 6 });
const prompts = task.test;
const reward = { granularity: 'interval', intervalTokens: 5, temperature: 1, clip: [-5, 5] } as const;

let device: Device;
let policy: DecoderModel;
let critic: Critic;
let samples: SampleLine[];
beforeAll(async () => {
  device = await openDevice();
  policy = DecoderModel.create(device, recipeModel(task.vocabSize, task.endIds), { trainable: true });
  policy.initialise(5);
  critic = await Critic.copyOf(policy);
  // A head that says something: it starts at zero.
  const width = policy.config.hiddenSize;
  critic.head.parameters.set(
    'score.weight',
    Float32Array.from({ length: width }, (_, i) => Math.sin(3 * i + 1)),
  );
  const problems = { task, prompts, samplesPerProblem: 2, stream: STREAMS.testRollout, firstSample: 0 };
  const options = { seed: 1, temperature: 1, onProgress: () => undefined, shouldStop: () => false };
  samples = (await drawSamples(policy, problems, options))!;
});
afterAll(() => {
  critic.dispose();
  policy.dispose();
  device.close();
});

describe('drawSamples', () => {
  it('keeps the samples of the first problem first', () => {
    expect(samples.map(({ p, g }) => [p, g])).toEqual(
      prompts.flatMap((_, p) => [
        [p, 0],
        [p, 1],
      ]),
    );
  });
});

describe('criticScorer', () => {
  it('gives the reward that training uses, and for each unit that of its last token', async () => {
    const scores = await criticScorer(critic, reward)({ task, prompts, lines: samples });
    const records = samples.map(
      ({ p, g, ids }): TraceRecord =>
        policyRecord(task, prompts[p]!, Uint32Array.from(ids), reward, { round: 0, index: g }),
    );
    await critic.score(task, records, 64, reward);
    scores.forEach(({ p, g, reward: whole, units }, i) => {
      const tokens = records[i]!.critic!;
      expect([p, g]).toEqual([samples[i]!.p, samples[i]!.g]);
      expect(whole).toBeCloseTo(meanReward(tokens), 5);
      expect(units[0]).toBeCloseTo(tokens[Math.min(8, tokens.length) - 1]!, 5);
      expect(units.at(-1)).toBeCloseTo(tokens.at(-1)!, 5);
    });
    expect(new Set(scores.map((score) => score.reward)).size).toBeGreaterThan(6);
  });
});

describe('logProbScorer', () => {
  it('says of samples what their sampler said', async () => {
    const scores = await logProbScorer(policy)({ task, prompts, lines: samples });
    scores.forEach(({ reward: mean, units }, i) => {
      const { logp, own, logps } = samples[i]!;
      expect(mean).toBeCloseTo(logp / own, 4);
      for (const [u, unit] of units.entries()) expect(unit).toBeCloseTo(logps[u]!, 4);
    });
  });

  it("leaves out the tool's tokens", async () => {
    const lines = [
      { p: 0, g: 0, ids: [...idsOf(solution(task, prompts[0]!))], error: null, correct: true, answer: '' },
    ];
    const [aided] = await logProbScorer(policy)({ task, prompts, lines });
    const open = { ...task, forced: (ids: ArrayLike<number>) => new Uint8Array(ids.length) };
    const [all] = await logProbScorer(policy)({ task: open, prompts, lines });
    expect(aided!.reward).not.toBe(all!.reward);
    expect(aided!.units.at(-1)).toBeCloseTo(all!.units.at(-1)!, 5);
  });
});

describe('proofreadScorer', () => {
  it('has the log-odds of each line, and the log-probability that all lines pass', async () => {
    const lines = prompts.map((prompt, p) => ({
      p,
      g: 0,
      ids: [...idsOf(solution(task, prompt))],
      error: null,
      correct: true,
      answer: null,
    }));
    const scores = await proofreadScorer(policy)({ task, prompts, lines });
    scores.forEach(({ reward: passed, units }, p) => {
      expect(units).toHaveLength((lines[p]!.ids.length - 5) / 8);
      // A model that knows nothing gives each of 68 words about the same probability.
      expect(passed / units.length).toBeGreaterThan(Math.log(1 / 68) - 3);
      expect(passed / units.length).toBeLessThan(0);
    });
    expect(new Set(scores.map((score) => score.reward)).size).toBeGreaterThan(3);
  });
});

describe('reviewOf', () => {
  const verdict = (token: number, ok: number, no: number): { token: number; ok: number; no: number } => ({
    token,
    ok,
    no,
  });

  it('sums log P(ok) and takes the odds of each line', () => {
    expect(reviewOf([verdict(7, -0.5, -1), verdict(15, -2, -0.25)], 2)).toEqual({ reward: -2.5, units: [0.5, -1.75] });
  });

  it('refuses a line that never ends, and takes the worst of several verdicts in one', () => {
    expect(reviewOf([verdict(15, -2, -0.25)], 2)).toEqual({ reward: -22, units: [-20, -1.75] });
    expect(reviewOf([], 3)).toEqual({ reward: -60, units: [-20, -20, -20] });
    expect(reviewOf([verdict(3, -0.5, -1), verdict(6, -3, -1), verdict(7, -1, -1)], 1)).toEqual({
      reward: -3,
      units: [-2],
    });
  });

  it('counts verdicts behind the lines that were asked for in the whole', () => {
    expect(reviewOf([verdict(7, -0.5, -1), verdict(15, -4, -0.25)], 1)).toEqual({ reward: -4.5, units: [0.5] });
  });
});
