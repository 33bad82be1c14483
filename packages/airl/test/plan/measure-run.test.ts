import {
  type ByteSink,
  type DecoderConfig,
  DecoderModel,
  type LoraOptions,
  memoryFiles,
  type WantedFormat,
  WeightIndex,
  weightSpecs,
  writeSafetensors,
} from '@dawngrad/models';
import { type Device, sizeOf } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Critic } from '../../src/critic/critic.ts';
import type { Phase } from '../../src/metrics/phase.ts';
import { longestTask, teacherPromptTokens } from '../../src/plan/longest-task.ts';
import { measureRun, type RunMeasure } from '../../src/plan/measure-run.ts';
import type { PlannedModel, PlannedRun, PlannedWork } from '../../src/plan/planned-run.ts';
import type { Task } from '../../src/task/task.ts';
import { trainGrpo } from '../../src/train/grpo.ts';
import type { IrlOptions } from '../../src/train/irl/irl-options.ts';
import { trainIrl } from '../../src/train/irl.ts';
import { trainOpsd } from '../../src/train/opsd.ts';
import type { RunContext } from '../../src/train/run-context.ts';
import { trainSft } from '../../src/train/sft.ts';
import { grpoOptions, irlOptions, recordRun, sftOptions } from '../train/tiny-run.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const SHAPE = {
  vocabSize: 160,
  hiddenSize: 64,
  intermediateSize: 192,
  numHiddenLayers: 3,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 16,
  maxPositionEmbeddings: 128,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  eosTokenIds: [],
} satisfies Omit<DecoderConfig, 'modelType'>;

const FAMILIES = {
  llama: { ...SHAPE, modelType: 'llama' },
  qwen2: { ...SHAPE, modelType: 'qwen2', attentionBias: 'qkv', tieWordEmbeddings: true },
  qwen3: { ...SHAPE, modelType: 'qwen3', qkNorm: true, headDim: 32, tieWordEmbeddings: true },
  mistral: { ...SHAPE, modelType: 'mistral', layerWindows: [0, 8, 8] },
} satisfies Record<string, DecoderConfig>;

const LIMITS = { maxPromptTokens: 9, maxCompletionTokens: 14 };
const DEMONSTRATIONS = 6;
const OPSD_WEIGHTS = { temperature: 1, clip: null, normalise: false };
const TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

interface Case {
  readonly family: keyof typeof FAMILIES;
  readonly method: 'sft' | 'grpo' | 'irl' | 'opsd';
  readonly rank?: number;
  readonly criticRank?: number;
  readonly format?: WantedFormat;
  readonly checkpointing?: boolean;
  readonly microBatchTokens?: number;
  readonly batch?: number;
  readonly updates?: number;
  readonly klBeta?: number;
  readonly keepBest?: boolean;
}

const CASES: readonly Case[] = [
  { family: 'llama', method: 'sft' },
  { family: 'llama', method: 'sft', keepBest: true, microBatchTokens: 48 },
  { family: 'llama', method: 'sft', rank: 4, format: 'nf4', checkpointing: true },
  { family: 'llama', method: 'sft', batch: 32, microBatchTokens: 100 },
  { family: 'qwen2', method: 'sft', rank: 8, format: 'bf16' },
  { family: 'qwen3', method: 'sft', rank: 4, format: 'q8_0' },
  { family: 'mistral', method: 'sft', checkpointing: true, microBatchTokens: 48 },
  { family: 'llama', method: 'grpo' },
  { family: 'llama', method: 'grpo', klBeta: 0, updates: 2 },
  { family: 'llama', method: 'grpo', rank: 4, format: 'bf16', batch: 12, microBatchTokens: 120 },
  { family: 'qwen2', method: 'grpo', rank: 4, format: 'q4_0', checkpointing: true },
  { family: 'qwen3', method: 'grpo', updates: 3, microBatchTokens: 60 },
  { family: 'mistral', method: 'grpo', rank: 2, format: 'f16' },
  { family: 'llama', method: 'opsd' },
  { family: 'llama', method: 'opsd', rank: 4, format: 'bf16', microBatchTokens: 60 },
  { family: 'llama', method: 'irl' },
  { family: 'llama', method: 'irl', checkpointing: true, klBeta: 0 },
  { family: 'llama', method: 'irl', rank: 4, criticRank: 4, format: 'bf16' },
  { family: 'qwen3', method: 'irl', rank: 2, criticRank: 8, format: 'nf4', checkpointing: true },
  { family: 'mistral', method: 'irl', rank: 4, criticRank: 4, format: 'stored', batch: 16, microBatchTokens: 60 },
];

function lora(rank: number | undefined): LoraOptions | undefined {
  return rank === undefined ? undefined : { rank, alpha: 2 * rank, targets: TARGETS, seed: 1 };
}

function planned(one: Case): PlannedRun {
  const { family, method, rank, criticRank, format = 'f32', microBatchTokens = 4096, batch = 4, updates = 1 } = one;
  const policy: PlannedModel = { config: FAMILIES[family], stored: 'f32', format, lora: lora(rank) };
  const dev = { everySteps: 2, prompts: 3, samplesPerPrompt: 2, temperature: 1 };
  const round = {
    maxSteps: 2,
    promptsPerRound: batch,
    microBatchTokens,
    updatesPerRound: updates,
    klBeta: one.klBeta ?? 0.05,
    dev,
  };
  const work: PlannedWork =
    method === 'sft'
      ? {
          kind: 'sft',
          options: {
            ...sftOptions,
            maxSteps: 2,
            rowsPerStep: batch,
            microBatchTokens,
            keepBest: one.keepBest ?? false,
            dev,
          },
        }
      : method === 'grpo'
        ? { kind: 'grpo', options: { ...grpoOptions, ...round, unlabelledFraction: 1 } }
        : method === 'opsd'
          ? { kind: 'opsd', options: { ...grpoOptions, ...round, weights: OPSD_WEIGHTS } }
          : {
              kind: 'irl',
              options: { ...irlOptions, ...round },
              critic: { start: 'policy', lora: lora(criticRank) },
              demonstrations: DEMONSTRATIONS,
            };
  return { work, policy, limits: LIMITS, recomputesBlocks: one.checkpointing ?? false };
}

/** The weights of a file in f32, not all zero. */
async function checkpoint(config: DecoderConfig): Promise<WeightIndex> {
  const parts: Uint8Array[] = [];
  const sink: ByteSink = { write: async (bytes) => void parts.push(bytes.slice()) };
  await writeSafetensors(
    sink,
    weightSpecs(config).map(({ name, shape }, n) => ({
      name,
      shape,
      read: async () => Float32Array.from({ length: sizeOf(shape) }, (_, i) => 0.2 * Math.sin(12.9898 * i + n)),
    })),
  );
  return WeightIndex.open(memoryFiles('memory', new Map([['model.safetensors', Buffer.concat(parts)]])));
}

/** What the plan calls the phases that trainers tell of. */
const PHASE_NAMES: Readonly<Record<PlannedWork['kind'], Readonly<Partial<Record<Phase, string>>>>> = {
  sft: { eval: 'evaluation', update: 'update' },
  // Advantages are the host's work.
  grpo: { eval: 'evaluation', rollout: 'samples', reward: 'policy update', update: 'policy update' },
  opsd: { eval: 'evaluation', rollout: 'samples', reward: 'scoring', update: 'update' },
  irl: {
    eval: 'evaluation',
    rollout: 'samples',
    critic: 'critic update',
    reward: 'scoring',
    update: 'policy update',
  },
  evaluate: {},
};

/** Peaks of the real device by phase, as the trainers tell of them. */
async function realPeaks({ policy: model, work, recomputesBlocks }: PlannedRun): Promise<Map<string, number>> {
  const peaks = new Map<string, number>();
  let current = 'load';
  const begin = (name: string): void => {
    peaks.set(current, Math.max(peaks.get(current) ?? 0, device.memory.peakLiveBytes));
    device.pool.resetPeak();
    current = name;
  };
  device.pool.resetPeak();
  const { config, format, lora: adapters } = model;
  const policy = await DecoderModel.load(
    device,
    { config, weights: await checkpoint(config) },
    {
      trainable: adapters === undefined,
      maxPositions:
        (work.kind === 'opsd' ? teacherPromptTokens(LIMITS) : LIMITS.maxPromptTokens) + LIMITS.maxCompletionTokens,
      ...(adapters === undefined ? {} : { format }),
    },
  );
  if (adapters !== undefined) policy.attachAdapters(adapters);
  policy.recomputesBlocks = recomputesBlocks;
  const task: Task = longestTask({
    vocabSize: config.vocabSize,
    limits: LIMITS,
    demonstrations: DEMONSTRATIONS,
    dev: 3,
  });
  const { context: silent } = recordRun();
  let rollouts = 0;
  const context: RunContext = {
    ...silent,
    reporter: {
      ...silent.reporter,
      phase: (phase, done, total) => {
        if (done > 0 || total > 0) return;
        const isWarmUp = work.kind === 'irl' && phase === 'rollout' && rollouts++ === 0;
        begin(isWarmUp ? 'warm-up' : (PHASE_NAMES[work.kind][phase] ?? phase));
      },
    },
  };
  switch (work.kind) {
    case 'sft':
      await trainSft(policy, task, work.options, context);
      break;
    case 'grpo':
      await trainGrpo(policy, task, work.options, context);
      break;
    case 'opsd':
      await trainOpsd(policy, task, work.options, context);
      break;
    case 'irl': {
      const start = work.critic;
      const critic = await Critic.copyOf(policy, 'start' in start ? { lora: start.lora } : {});
      critic.model.recomputesBlocks = recomputesBlocks;
      await trainIrl(policy, critic, task, work.options, context);
      begin('end');
      critic.dispose();
      break;
    }
    case 'evaluate':
      throw new Error('no trainer');
  }
  begin('end');
  policy.dispose();
  return peaks;
}

/** Largest part of a real number that a plan may be off by; what differs is bookkeeping of a few hundred bytes. */
const TOLERANCE = 0.02;

describe('a plan', () => {
  it.each(CASES)('agrees with the real device in every phase: %o', { timeout: 300_000 }, async (one) => {
    const run = planned(one);
    const { phases, peakBytes } = await measureRun(run, {
      adapterClass: device.adapterClass,
      bindingBytes: device.limits.maxStorageBufferBindingSize,
      features: [...device.features],
    });
    const before = device.counters.flops;
    const real = await realPeaks(run);
    const flops = device.counters.flops - before;
    expect(device.memory.liveBytes).toBe(0);
    expect(phases.map(({ refused }) => refused)).toEqual(phases.map(() => undefined));
    for (const [name, bytes] of real) {
      const phase = phases.find((one) => one.name === name);
      if (name === 'warm-up' || name === 'end') continue;
      expect(Math.abs(phase!.peakBytes / bytes - 1), name).toBeLessThan(TOLERANCE);
    }
    expect(phases.filter(({ name }) => real.has(name)).length).toBe({ sft: 3, grpo: 4, opsd: 5, irl: 6 }[one.method]);
    expect(Math.abs(peakBytes / Math.max(...real.values()) - 1)).toBeLessThan(TOLERANCE);
    for (const { peakBytes, parts } of phases) {
      expect(Object.values(parts).reduce((total, bytes) => total + bytes)).toBe(peakBytes);
    }
    const expected = phases.reduce((total, { flops, times }) => total + flops * times!, 0);
    expect(Math.abs(expected / flops - 1), 'operations').toBeLessThan(0.1);
  });

  const irl = (options: Partial<IrlOptions>): Promise<RunMeasure> => {
    const { work, ...run } = planned({ family: 'llama', method: 'irl' });
    if (work.kind !== 'irl') throw new Error(work.kind);
    return measureRun({ ...run, work: { ...work, options: { ...work.options, ...options } } }, { adapterClass: 'gpu' });
  };

  it('goes through rewards that are whitened over all rounds', async () => {
    const plain = await irl({});
    const whitened = await irl({ reward: { ...irlOptions.reward, normalise: 'running' } });
    expect(whitened.phases).toEqual(plain.phases);
  });

  it('has no optimiser for a critic that is frozen from the start', async () => {
    const [learns, frozen] = [await irl({}), await irl({ critic: { ...irlOptions.critic, freeze: true } })];
    const { models, moments } = learns.checkpointBytes;
    expect(frozen.checkpointBytes.models).toBe(models);
    // Policy and critic are of one shape: what is left is the policy's half.
    expect(frozen.checkpointBytes.moments / moments).toBeCloseTo(0.5, 2);
    expect(frozen.phases.map(({ name }) => name)).not.toContain('critic update');
  });
});
