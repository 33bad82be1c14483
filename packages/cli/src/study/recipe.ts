import type {
  CriticPooling,
  InverseRulesOptions,
  IrlOptions,
  OptimOptions,
  PretrainOptions,
  RoundOptions,
  SftOptions,
} from '@dawngrad/airl';
import type { DecoderConfig } from '@dawngrad/models';

/** How every stage of the laptop-scale experiment trains; the demo and the study share it. */
export interface Recipe {
  readonly pretrain: PretrainOptions;
  readonly sft: SftOptions;
  /** What GRPO and R-AIRL share. */
  readonly rounds: RoundOptions;
  readonly irl: Pick<
    IrlOptions,
    'critic' | 'reward' | 'credit' | 'corruptedPerExpert' | 'relabel' | 'replay' | 'warmup'
  >;
  /** What the critic reads of a segment. */
  readonly pooling: CriticPooling;
}

/**
 * How experts are perturbed: into texts that a policy can come to write. Where the tool would have written another result,
 * a critic could tell them by that alone; and without lines too many it takes a text that never ends for a good one.
 */
export const RECIPE_NEGATIVES = {
  toolWritesInEdits: true,
  addsLines: true,
} as const satisfies Partial<InverseRulesOptions>;

/**
 * The critic as it was first published, to compare with: read at the last token of a segment, one learning rate for head
 * and trunk, no reward of its own for malformed text, and updates that draw from all samples so far alike. Its negatives
 * are those of the others, so that it differs in the critic alone. On some base models it memorises the demonstrations,
 * and tells right from wrong on their prompts alone.
 */
export function publishedCritic(recipe: Recipe): Recipe {
  const { malformed, ...reward } = recipe.irl.reward;
  const { trunkLrScale, ...critic } = recipe.irl.critic;
  return {
    ...recipe,
    pooling: 'last',
    irl: {
      ...recipe.irl,
      reward,
      critic: { ...critic, lr: 1e-3 },
      replay: { ...recipe.irl.replay, onPolicyFraction: 0 },
    },
  };
}

/** The model: a Llama of about 100k parameters; the vocabulary is the task's. */
export function recipeModel(vocabSize: number, endIds: readonly number[]): DecoderConfig {
  return {
    modelType: 'llama',
    vocabSize,
    hiddenSize: 64,
    intermediateSize: 172,
    numHiddenLayers: 2,
    numAttentionHeads: 4,
    numKeyValueHeads: 4,
    headDim: 16,
    maxPositionEmbeddings: 64,
    rmsNormEps: 1e-5,
    ropeTheta: 10000,
    tieWordEmbeddings: false,
    eosTokenIds: [...endIds],
  };
}

const optim: OptimOptions = {
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
  schedule: 'constant',
  warmupRatio: 0,
  finalRatio: 0,
};

const microBatchTokens = 16384;

/** The tested settings, for so many steps of pre-training and rounds of GRPO and R-AIRL. */
export function recipe(seed: number, { pretrainSteps, rounds }: { pretrainSteps: number; rounds: number }): Recipe {
  return {
    pretrain: {
      lr: 3e-3,
      optim: { ...optim, beta2: 0.98, schedule: 'cosine', warmupRatio: 50 / pretrainSteps, finalRatio: 0.05 },
      maxSteps: pretrainSteps,
      rowsPerStep: 32,
      microBatchTokens,
      readEverySteps: 10,
    },
    sft: {
      seed,
      lr: 1e-3,
      optim,
      maxSteps: 120,
      rowsPerStep: 32,
      microBatchTokens,
      dev: { everySteps: 20, prompts: 150, samplesPerPrompt: 4, temperature: 1 },
      keepBest: true,
    },
    rounds: {
      seed,
      lr: 7e-4,
      optim: { ...optim, schedule: 'linear', warmupRatio: 5 / rounds, finalRatio: 0.1 },
      klBeta: 0.05,
      clip: { low: 0.2, high: 0.2 },
      updatesPerRound: 1,
      normalisation: 'token',
      groupSize: 8,
      temperature: 1,
      maxSteps: rounds,
      promptsPerRound: 32,
      unlabelledFraction: 0.5,
      microBatchTokens,
      loggedPrompts: 1,
    },
    irl: {
      critic: {
        // The head finds what the trunk knows before the trunk can learn the demonstrations by heart.
        lr: 1e-2,
        trunkLrScale: 0.03,
        lrWarmupUpdates: 30,
        lrDecay: 'none',
        optim: { ...optim, weightDecay: 0.05 },
        labelSmoothing: 0.1,
        updatesPerRound: 3,
        expertsPerUpdate: 24,
        policyPerUpdate: 24,
        freezeAfterWarmup: false,
      },
      reward: { granularity: 'interval', intervalTokens: 5, temperature: 1, clip: [-5, 5], malformed: -1 },
      // Only token credit discounts; as the published runs do.
      credit: { level: 'sequence', scale: 'group', gamma: 0.9 },
      corruptedPerExpert: 2,
      relabel: 'off',
      replay: { rounds, onPolicyFraction: 0.5 },
      warmup: { steps: 80, samplesPerPrompt: 8 },
    },
    pooling: 'mean',
  };
}

/** The same stages at sizes that take seconds: for tests of the path, not of the results. */
export function tinyRecipe(seed: number): Recipe {
  const full = recipe(seed, { pretrainSteps: 2000, rounds: 50 });
  return {
    ...full,
    pretrain: { ...full.pretrain, maxSteps: 20, rowsPerStep: 8, optim: { ...full.pretrain.optim, warmupRatio: 0.2 } },
    sft: {
      ...full.sft,
      maxSteps: 4,
      rowsPerStep: 8,
      dev: { everySteps: 2, prompts: 4, samplesPerPrompt: 2, temperature: 1 },
    },
    rounds: { ...full.rounds, maxSteps: 2, promptsPerRound: 4, groupSize: 4 },
    irl: {
      ...full.irl,
      critic: { ...full.irl.critic, lrWarmupUpdates: 2, updatesPerRound: 1, expertsPerUpdate: 4, policyPerUpdate: 4 },
      warmup: { steps: 4, samplesPerPrompt: 2 },
    },
  };
}
