import {
  Critic,
  createInverseRulesTask,
  Draws,
  decodePrompt,
  firstError,
  type InverseRulesTask,
  type IrlOptions,
  type OptimOptions,
  policyRecord,
  rollout,
  type TraceRecord,
  tokenSignals,
  trainIrl,
} from '@dawngrad/airl';
import {
  type ControlledOptions,
  chanceHit,
  changedPositions,
  measurePairs,
  type ScoredPair,
  type StepTrace,
  summariseControlled,
  summariseSteps,
} from '@dawngrad/eval';
import { type DecoderConfig, DecoderModel } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MARKS = { granularity: 'dense' } as const;
const OPTIM: OptimOptions = {
  ...{ beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 },
  schedule: 'linear',
  ...{ warmupRatio: 0.1, finalRatio: 0.1 },
};
const IRL: IrlOptions = {
  ...{ seed: 7, lr: 1e-3, optim: OPTIM, klBeta: 0.05, clip: { low: 0.2, high: 0.2 }, updatesPerRound: 1 },
  ...{ normalisation: 'token', groupSize: 2, temperature: 1, maxSteps: 1, promptsPerRound: 4, scale: 'group' },
  ...{ unlabelledFraction: 0.5, microBatchTokens: 8192, loggedPrompts: 0 },
  critic: {
    ...{ lr: 1e-2, lrDecay: 'cosine', optim: OPTIM, labelSmoothing: 0.1, updatesPerRound: 1 },
    ...{ expertsPerUpdate: 6, policyPerUpdate: 2, freezeAfterWarmup: false },
  },
  reward: { ...MARKS, intervalTokens: 5, temperature: 1, clip: null },
  credit: { level: 'sequence', scale: 'group', gamma: 1 },
  corruptedPerExpert: 3,
  relabel: 'off',
  replay: { rounds: 2, onPolicyFraction: 0.5 },
  warmup: { steps: 60, samplesPerPrompt: 1 },
};

let device: Device;
let task: InverseRulesTask;
let policy: DecoderModel;
let critic: Critic;
beforeAll(async () => {
  device = await openDevice();
  task = createInverseRulesTask({ seed: 5, setting: 'tool', demonstrations: 8, dev: 2, test: 6 });
  const config: DecoderConfig = {
    modelType: 'llama',
    eosTokenIds: [],
    ...{ vocabSize: task.vocabSize, hiddenSize: 32, intermediateSize: 64 },
    ...{ numHiddenLayers: 1, numAttentionHeads: 2, numKeyValueHeads: 2, headDim: 16, maxPositionEmbeddings: 64 },
    ...{ rmsNormEps: 1e-5, ropeTheta: 10_000, tieWordEmbeddings: false },
  };
  policy = DecoderModel.create(device, config, { trainable: true });
  policy.initialise(11);
  critic = await Critic.copyOf(policy);
  await trainIrl(policy, critic, task, IRL, {
    reporter: { step: () => undefined, note: () => undefined },
    metrics: () => undefined,
    samples: () => undefined,
    shouldStop: () => false,
    nowMs: () => 0,
  });
});
afterAll(() => {
  policy.dispose();
  critic.dispose();
  device.close();
});

async function signalsOf(records: readonly TraceRecord[]) {
  const found = await tokenSignals(policy, critic, task, records, {
    microBatchTokens: 8192,
    reward: { temperature: 1, clip: null },
  });
  return found.map(({ critic: scores, logp, entropy }) => ({
    critic: Array.from(scores),
    logp: Array.from(logp),
    entropy: Array.from(entropy),
  }));
}

describe('a critic of the inverse-rules task', () => {
  it('prefers clean traces, and is judged where the edit is, beside log-probability and chance', async () => {
    const edited = task.demonstrations.map((demonstration, i) => {
      for (let draw = 0; ; draw++) {
        const made = task.corrupt(demonstration, new Draws(3, 9, 1000 * i + draw))!;
        if (made.functions[0] === 'change-numbers') return { demonstration, completionIds: made.completionIds };
      }
    });
    const record = (prompt: (typeof edited)[number]['demonstration'], ids: Uint32Array, index: number) =>
      policyRecord(task, prompt, ids, MARKS, { round: 0, index });
    const clean = await signalsOf(edited.map(({ demonstration: d }, i) => record(d, d.completionIds, i)));
    const wrong = await signalsOf(edited.map(({ demonstration: d, completionIds }, i) => record(d, completionIds, i)));
    const pairs = edited.map(
      ({ demonstration: d, completionIds }, i): ScoredPair => ({
        ...{ promptIdx: i, promptId: d.id, severity: 1, variantIdx: 0, prompt: [], edits: ['change-numbers'] },
        ...{ isCleanCorrect: true, isEditedCorrect: true, isAnswerUnchanged: true, traceSource: 'expert' },
        ...{ generationIdx: null, cleanText: '', editedText: '' },
        changed: changedPositions(d.completionIds, completionIds),
        clean: clean[i]!,
        edited: wrong[i]!,
      }),
    );
    const options: ControlledOptions = {
      ...{ aggregate: 'mean', grid: { interval: 1, window: 8 }, hitKs: [1], smoothWindow: 3, zscoreBins: 5 },
      ...{ zscoreMode: 'robust', windows: [1, 8], bucket: 8, devPrompts: new Set(), resamples: 100, seed: 1 },
      onset: { threshold: 1, persistence: 3 },
    };
    const summary = summariseControlled(measurePairs(pairs, options), options);
    expect(summary.overall.n_pairs).toBe(8);
    expect(summary.overall.win_rate).toBeGreaterThan(0.5);
    expect(summary.overall.mean_margin).toBeGreaterThan(0);
    for (const { localiser, interval, n, windows } of summary.headline.rows) {
      expect(n).toBe(8);
      if (localiser !== 'chance') continue;
      for (const { window, hit } of windows) {
        const chances = pairs.map(({ changed, edited: { critic: scores } }) =>
          chanceHit(scores.length, changed, { interval, window }),
        );
        expect(hit!.value).toBeCloseTo(chances.reduce((sum, chance) => sum + chance, 0) / 8, 12);
      }
    }
    // No transition shows where the tool wrote.
    const first = edited[0]!;
    task.forced(first.completionIds).forEach((isForced, t) => {
      if (isForced === 1) expect(wrong[0]!.logp[t]).toBe(wrong[0]!.logp[t - 1]);
    });
  });

  it('is judged on the natural errors of a policy, line by line', async () => {
    const samples = await rollout(policy, task, task.test, {
      ...{ samplesPerPrompt: 4, temperature: 1, seed: 3, stream: 77, round: 0, marks: MARKS },
    });
    const signals = await signalsOf(samples);
    const traces = samples.map((sample, i): StepTrace => {
      const lines = Math.max(1, Math.floor(sample.completionIds.length / 8));
      const error = firstError(task.world, decodePrompt(sample.promptIds), sample.completionIds);
      return {
        id: sample.id,
        cluster: sample.promptId,
        stratum: 'all',
        signals: signals[i]!,
        stepEnds: Array.from({ length: lines }, (_, l) => Math.min(8 * (l + 1), sample.completionIds.length)),
        firstError: error === undefined ? null : Math.min(error.step, lines - 1),
      };
    });
    const options = { intervals: [1], windows: [1], hitKs: [1, 2], window: 1, dev: new Set<string>() };
    const summary = summariseSteps(traces, { ...options, resamples: 100, seed: 1 });
    const wrong = traces.filter((trace) => trace.firstError !== null);
    expect(summary.n_erroneous).toBe(wrong.length);
    const share = wrong.reduce((sum, { stepEnds }) => sum + 1 / stepEnds.length, 0) / wrong.length;
    expect(summary.rows[0]!.hit.exact!.value!.value).toBeCloseTo(share, 12);
    const always = wrong.filter((trace) => trace.firstError === 0).length / wrong.length;
    expect(summary.rows[1]!.hit.exact!.value!.value).toBeCloseTo(always, 12);
    expect(new Set(summary.rows.map(({ n }) => n))).toEqual(new Set([wrong.length]));
  });
});
