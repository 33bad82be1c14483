import { type DecoderConfig, DecoderModel } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import type { MetricRow } from '../../src/metrics/names.ts';
import { METRICS } from '../../src/metrics/names.ts';
import { createInverseRulesTask, type InverseRulesTask } from '../../src/task/inverse-rules/task.ts';
import { VOCAB_SIZE } from '../../src/task/inverse-rules/vocabulary.ts';
import type { GrpoOptions } from '../../src/train/grpo.ts';
import type { IrlOptions } from '../../src/train/irl/irl-options.ts';
import type { OptimOptions } from '../../src/train/optim-options.ts';
import type { Checkpoints, RunContext, SampleRow } from '../../src/train/run-context.ts';
import type { SftOptions } from '../../src/train/sft.ts';

/** The smallest model that has every part: two layers, grouped heads, an output matrix of its own. */
export const tinyConfig: DecoderConfig = {
  modelType: 'llama',
  vocabSize: VOCAB_SIZE,
  hiddenSize: 16,
  intermediateSize: 32,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  numKeyValueHeads: 1,
  headDim: 8,
  maxPositionEmbeddings: 64,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  eosTokenIds: [],
};

export function tinyTask(): InverseRulesTask {
  return createInverseRulesTask({ seed: 5, setting: 'tool', demonstrations: 6, dev: 4, test: 4 });
}

/** A policy with random weights; with adapters of rank 2 if asked for. */
export function tinyPolicy(
  device: Device,
  lora = false,
  maxPositions = tinyConfig.maxPositionEmbeddings,
): DecoderModel {
  const model = DecoderModel.create(device, tinyConfig, { trainable: !lora, maxPositions });
  model.initialise(11);
  if (lora) model.attachAdapters({ rank: 2, alpha: 4, targets: ['q_proj', 'v_proj', 'down_proj'], seed: 3 });
  return model;
}

export const optim: OptimOptions = {
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
  schedule: 'linear',
  warmupRatio: 0.1,
  finalRatio: 0.1,
};

export const sftOptions: SftOptions = {
  seed: 7,
  lr: 3e-3,
  optim,
  maxSteps: 6,
  rowsPerStep: 4,
  microBatchTokens: 4096,
  keepBest: false,
};

export const grpoOptions: GrpoOptions = {
  seed: 7,
  lr: 2e-3,
  optim,
  klBeta: 0.05,
  clip: { low: 0.2, high: 0.2 },
  updatesPerRound: 1,
  normalisation: 'token',
  groupSize: 4,
  temperature: 1,
  maxSteps: 4,
  promptsPerRound: 4,
  unlabelledFraction: 0.5,
  microBatchTokens: 4096,
  loggedPrompts: 1,
  scale: 'group',
};

export const irlOptions: IrlOptions = {
  ...grpoOptions,
  critic: {
    lr: 2e-3,
    lrDecay: 'cosine',
    optim,
    labelSmoothing: 0.1,
    updatesPerRound: 2,
    expertsPerUpdate: 3,
    policyPerUpdate: 4,
    freezeAfterWarmup: false,
  },
  reward: { granularity: 'interval', intervalTokens: 5, temperature: 1, clip: [-5, 5] },
  credit: { level: 'sequence', scale: 'group', gamma: 1 },
  corruptedPerExpert: 2,
  relabel: 'off',
  replay: { rounds: 4, onPolicyFraction: 0.25 },
  warmup: { steps: 3, samplesPerPrompt: 2 },
};

export interface Recorded {
  readonly context: RunContext;
  readonly rows: MetricRow[];
  readonly samples: SampleRow[];
  readonly notes: string[];
}

/** A context that keeps what it is told; the run is asked to stop after `stopAfter` questions. */
export function recordRun(checkpoints?: Checkpoints, stopAfter = Number.POSITIVE_INFINITY): Recorded {
  const rows: MetricRow[] = [];
  const samples: SampleRow[] = [];
  const notes: string[] = [];
  let asked = 0;
  let clockMs = 0;
  const context: RunContext = {
    reporter: { step: () => undefined, note: (text) => notes.push(text) },
    metrics: (row) => {
      for (const [key, value] of Object.entries(row)) {
        if (!(key in METRICS) || !Number.isFinite(value)) throw new Error(`metric ${key} = ${value}`);
      }
      rows.push(row);
    },
    samples: (row) => samples.push(row),
    shouldStop: () => ++asked >= stopAfter,
    nowMs: () => (clockMs += 10),
    ...(checkpoints === undefined ? {} : { checkpoints }),
  };
  return { context, rows, samples, notes };
}

/** The values of one metric over a run, where rows have it. */
export function series(rows: readonly MetricRow[], key: keyof typeof METRICS): number[] {
  return rows.flatMap((row) => row[key] ?? []);
}
