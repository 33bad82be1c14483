import {
  type Checkpoints,
  Critic,
  type GrpoOptions,
  type IrlOptions,
  type MetricRow,
  type OpsdOptions,
  type OptimOptions,
  type RunContext,
  type SampleRow,
  type SftOptions,
  type Task,
  trainGrpo,
  trainIrl,
  trainOpsd,
  trainSft,
} from '@dawngrad/airl';
import { DecoderModel } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import { type RlSize, rlConfig, rlTask } from './rl-size.ts';

export const RL_METHODS = ['sft', 'grpo', 'opsd', 'irl'] as const;
export type RlMethod = (typeof RL_METHODS)[number];

const SEED = 1;
const OPTIM: OptimOptions = {
  ...{ beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 },
  ...{ schedule: 'constant', warmupRatio: 0, finalRatio: 0 },
};
const MICRO_BATCH = 16_384;

/** Updates of the critic in a round, as in the demo. */
export const CRITIC_UPDATES = 3;

/** A round that has just been done. */
export interface DoneRound {
  readonly row: MetricRow;
  /** Every sample of the round; none in SFT. */
  readonly samples: readonly SampleRow[];
}

/** Models of a method, on the device, with random weights. */
export interface RlModels {
  readonly task: Task;
  readonly policy: DecoderModel;
  /** Absent but for R-AIRL. */
  readonly critic: Critic | undefined;
  dispose(): void;
}

/** What of the models is trained, and whether policy and critic read one frozen base or a copy each. */
export type RlWeights = 'all' | 'adapters, one base' | 'adapters, two bases';

const LORA = {
  rank: 8,
  alpha: 16,
  targets: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
};

export async function createModels(
  device: Device,
  size: RlSize,
  method: RlMethod,
  weights: RlWeights,
): Promise<RlModels> {
  const task = rlTask(size);
  const create = (): DecoderModel => {
    const model = DecoderModel.create(device, rlConfig(size, task), { trainable: weights === 'all' });
    model.initialise(SEED);
    return model;
  };
  const adapted = weights === 'all' ? undefined : LORA;
  const policy = create();
  const source = method === 'irl' && weights === 'adapters, two bases' ? create() : undefined;
  if (adapted) policy.attachAdapters({ ...adapted, seed: 1 });
  const critic =
    method === 'irl' ? await Critic.copyOf(source ?? policy, { lora: adapted && { ...adapted, seed: 2 } }) : undefined;
  return {
    task,
    policy,
    critic,
    dispose() {
      critic?.dispose();
      source?.dispose();
      policy.dispose();
    },
  };
}

/** Runs rounds of a method's trainer; `beside` is called between two rounds. */
export async function runRounds(
  { task, policy, critic }: RlModels,
  size: RlSize,
  method: RlMethod,
  rounds: number,
  beside: (round: DoneRound) => Promise<void>,
): Promise<void> {
  const samples: SampleRow[] = [];
  let last: MetricRow = {};
  const checkpoints: Checkpoints = {
    everySteps: 1,
    restore: async () => undefined,
    goBack: async () => undefined,
    save: async () => {
      // A warm-up saves as well, before the first round.
      if (last.step !== undefined) await beside({ row: last, samples: samples.splice(0) });
    },
  };
  const context: RunContext = {
    reporter: { step: () => undefined, note: () => undefined },
    metrics: (row) => {
      if (row.step !== 0) last = row;
    },
    samples: (row) => samples.push(row),
    shouldStop: () => false,
    nowMs: () => performance.now(),
    checkpoints,
  };
  switch (method) {
    case 'sft':
      await trainSft(policy, task, sftOptions(size, rounds), context);
      break;
    case 'grpo':
      await trainGrpo(policy, task, grpoOptions(size, rounds), context);
      break;
    case 'opsd':
      await trainOpsd(policy, task, opsdOptions(size, rounds), context);
      break;
    case 'irl':
      await trainIrl(policy, critic!, task, irlOptions(size, rounds), context);
  }
}

function sftOptions({ prompts }: RlSize, maxSteps: number): SftOptions {
  const rowsPerStep = prompts;
  return { seed: SEED, lr: 1e-4, optim: OPTIM, maxSteps, rowsPerStep, microBatchTokens: MICRO_BATCH, keepBest: false };
}

function grpoOptions({ prompts, groupSize }: RlSize, maxSteps: number): GrpoOptions {
  return {
    ...{ seed: SEED, lr: 1e-4, optim: OPTIM, maxSteps, microBatchTokens: MICRO_BATCH },
    ...{ klBeta: 0.05, clip: { low: 0.2, high: 0.2 }, updatesPerRound: 1, normalisation: 'token', scale: 'group' },
    ...{ groupSize, temperature: 1, promptsPerRound: prompts, loggedPrompts: prompts, unlabelledFraction: 0 },
    // Without it, groups that are all wrong, as those of random weights are, would leave nothing to learn.
    sources: { formatWeight: 0.1 },
  };
}

function opsdOptions({ prompts, groupSize }: RlSize, maxSteps: number): OpsdOptions {
  return {
    ...{ seed: SEED, lr: 1e-4, optim: OPTIM, maxSteps, microBatchTokens: MICRO_BATCH },
    ...{ groupSize, temperature: 1, promptsPerRound: prompts, loggedPrompts: prompts },
    weights: { temperature: 1, clip: [-2, 2], normalise: false },
  };
}

function irlOptions(size: RlSize, maxSteps: number): IrlOptions {
  return {
    ...grpoOptions(size, maxSteps),
    sources: {},
    critic: {
      ...{ lr: 1e-4, lrDecay: 'none', optim: OPTIM, labelSmoothing: 0.1, freezeAfterWarmup: false },
      ...{ updatesPerRound: CRITIC_UPDATES, expertsPerUpdate: size.critic, policyPerUpdate: size.critic },
    },
    reward: { granularity: 'interval', intervalTokens: 5, temperature: 1, clip: [-5, 5] },
    credit: { level: 'sequence', scale: 'group', gamma: 1 },
    corruptedPerExpert: 1,
    relabel: 'off',
    replay: { rounds: 4, onPolicyFraction: 0 },
    warmup: { steps: 1, samplesPerPrompt: 1 },
  };
}
