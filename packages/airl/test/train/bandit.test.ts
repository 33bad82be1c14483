import { DecoderModel } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ESTIMATORS, type EstimatorName } from '../../src/credit/estimators/table.ts';
import { POLICY_LOSSES, type PolicyLossName } from '../../src/loss/policy/table.ts';
import type { Task } from '../../src/task/task.ts';
import { type GrpoOptions, trainGrpo } from '../../src/train/grpo.ts';
import { grpoOptions, recordRun, series, tinyTask } from './tiny-run.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const ARMS = 6;
const BEST = 4;

/** A bandit: one prompt, one token; the arm `BEST` alone pays 1, so that the optimum is a mean reward of 1. */
const bandit: Task = {
  ...tinyTask(),
  name: 'bandit',
  vocabSize: ARMS,
  endIds: Array.from({ length: ARMS }, (_, arm) => arm),
  maxPromptTokens: 1,
  maxCompletionTokens: 1,
  demonstrations: [],
  dev: [],
  test: [],
  unlabelled: (index) => ({ id: `pull-${index}`, text: '', promptIds: Uint32Array.of(0), gold: String(BEST) }),
  decode: (ids) => Array.from(ids).join(' '),
  pieces: (ids) => Array.from(ids, String),
  check: (text, { gold }) => ({ outcome: text === gold ? 'correct' : 'wrong', answer: text, strict: false }),
  forced: (ids) => new Uint8Array(ids.length),
};

function banditPolicy(): DecoderModel {
  const model = DecoderModel.create(
    device,
    {
      modelType: 'llama',
      vocabSize: ARMS,
      hiddenSize: 8,
      intermediateSize: 16,
      numHiddenLayers: 1,
      numAttentionHeads: 1,
      numKeyValueHeads: 1,
      headDim: 8,
      maxPositionEmbeddings: 8,
      rmsNormEps: 1e-5,
      ropeTheta: 10_000,
      tieWordEmbeddings: false,
      eosTokenIds: [],
    },
    { trainable: true },
  );
  model.initialise(2);
  return model;
}

const options: GrpoOptions = {
  ...grpoOptions,
  optim: { ...grpoOptions.optim, weightDecay: 0, schedule: 'constant', warmupRatio: 0 },
  lr: 3e-2,
  klBeta: 0,
  groupSize: 16,
  promptsPerRound: 2,
  maxSteps: 25,
  loggedPrompts: 0,
};

async function lastRewards(chosen: Partial<GrpoOptions>): Promise<{ first: number; last: number }> {
  const policy = banditPolicy();
  const { context, rows } = recordRun();
  await trainGrpo(policy, { ...bandit }, { ...options, ...chosen }, context);
  policy.dispose();
  const rewards = series(rows, 'reward');
  return { first: rewards[0]!, last: rewards.slice(-5).reduce((a, b) => a + b, 0) / 5 };
}

describe('a bandit of one good arm in six is learned to 0.95 of the optimum', () => {
  it.each(Object.keys(ESTIMATORS) as EstimatorName[])('with the estimator %s', async (estimator) => {
    const { first, last } = await lastRewards({ estimator });
    expect(first).toBeLessThan(0.6);
    expect(last).toBeGreaterThanOrEqual(0.95);
  });

  it.each(Object.keys(POLICY_LOSSES) as PolicyLossName[])('with the loss %s, two updates a round', async (loss) => {
    const { first, last } = await lastRewards({ loss, updatesPerRound: 2, maxSteps: 20 });
    expect(first).toBeLessThan(0.6);
    expect(last).toBeGreaterThanOrEqual(0.95);
  });
});
