import { type DecoderConfig, DecoderModel } from '@dawngrad/models';
import { type Device, read } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Critic } from '../../src/critic/critic.ts';
import { createCriticOptimizer } from '../../src/critic/critic-optimizer.ts';
import { criticUpdate, readCriticUpdates } from '../../src/critic/critic-update.ts';
import { STREAMS } from '../../src/data/streams.ts';
import type { TraceRecord } from '../../src/record.ts';
import { recordLogProbs } from '../../src/rollout/record-log-probs.ts';
import { rollout } from '../../src/rollout/rollout.ts';
import { policyRecord } from '../../src/task/create-record.ts';
import type { Task, TaskPrompt } from '../../src/task/task.ts';
import { createOptimizer } from '../../src/train/optim-options.ts';
import { policyUpdate } from '../../src/train/policy-update.ts';
import { roundAdvantages } from '../../src/train/round-advantages.ts';
import { grpoOptions, tinyTask } from './tiny-run.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const STATES = 5;
const ROUNDS = 24;
/** Of the critic, in each round. */
const UPDATES = 5;
const GAMMA = 0.8;
const states = Array.from({ length: STATES }, (_, s) => s);

/** How often in 12 the expert goes from state s to state t. */
const CHOICES = [
  [1, 1, 7, 2, 1],
  [3, 1, 1, 6, 1],
  [1, 3, 1, 1, 6],
  [7, 1, 1, 1, 2],
  [1, 5, 4, 1, 1],
];
const VALUES = [0.4, -0.3, 0.8, 0, -0.6];
/**
 * The reward of going from s to t: that under which these choices are the soft-optimal policy, with these values:
 * log pi(t|s) = r + gamma V(t) - V(s).
 */
const ADVANTAGE = CHOICES.map((row) => row.map((count) => Math.log(count / 12)));
const REWARD = ADVANTAGE.map((row, s) => row.map((a, t) => a - GAMMA * VALUES[t]! + VALUES[s]!));

/** The best step from each state under a reward, by value iteration. */
function greedy(reward: readonly (readonly number[])[]): number[] {
  let values = states.map(() => 0);
  for (let i = 0; i < 100; i++) {
    values = reward.map((row) => Math.max(...row.map((r, t) => r + GAMMA * values[t]!)));
  }
  return reward.map((row) => {
    const q = row.map((r, t) => r + GAMMA * values[t]!);
    return q.indexOf(Math.max(...q));
  });
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (x: readonly number[]): number => x.reduce((sum, value) => sum + value, 0) / x.length;
  const [ma, mb] = [mean(a), mean(b)];
  const sum = (f: (i: number) => number): number => a.reduce((total, _, i) => total + f(i), 0);
  const cross = sum((i) => (a[i]! - ma) * (b[i]! - mb));
  return cross / Math.sqrt(sum((i) => (a[i]! - ma) ** 2) * sum((i) => (b[i]! - mb) ** 2));
}

/** f + Phi(s) - gamma Phi(t) for the potential that brings it nearest to the reward: gradient descent on 5 numbers. */
function unshaped(f: readonly (readonly number[])[], reward: readonly (readonly number[])[]): number[][] {
  const phi = states.map(() => 0);
  const moved = (): number[][] => f.map((row, s) => row.map((value, t) => value + phi[s]! - GAMMA * phi[t]!));
  for (let i = 0; i < 5000; i++) {
    const error = moved().map((row, s) => row.map((value, t) => value - reward[s]![t]!));
    const slope = states.map((k) => {
      return states.reduce((sum, j) => sum + error[k]![j]! - GAMMA * error[j]![k]!, 0);
    });
    for (const k of states) phi[k]! -= 0.02 * slope[k]!;
  }
  return moved();
}

const policyConfig: DecoderConfig = {
  modelType: 'llama',
  vocabSize: STATES,
  hiddenSize: 32,
  intermediateSize: 64,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  numKeyValueHeads: 1,
  headDim: 8,
  maxPositionEmbeddings: 8,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  eosTokenIds: [],
};

/** A prompt is the state, a completion the state to go to. */
const prompts: TaskPrompt[] = states.map((s) => ({
  id: String(s),
  text: String(s),
  promptIds: Uint32Array.of(s),
  gold: '',
}));
const task: Task = {
  ...tinyTask(),
  name: 'transitions',
  vocabSize: STATES,
  endIds: states,
  maxPromptTokens: 1,
  maxCompletionTokens: 1,
  demonstrations: [],
  decode: (ids) => Array.from(ids).join(' '),
  pieces: (ids) => Array.from(ids, String),
  check: () => ({ outcome: 'wrong', answer: null, strict: false }),
  forced: (ids) => new Uint8Array(ids.length),
  criticPromptIds: (ids) => ids,
};
const marks = { granularity: 'dense' } as const;
/** The record of each transition. */
const records = states.map((s) =>
  states.map((t) => policyRecord(task, prompts[s]!, Uint32Array.of(t), marks, { round: 0, index: t })),
);

/** What a model says of each transition: one number a record. */
async function table(read: (all: TraceRecord[]) => Promise<ArrayLike<number>[]>): Promise<number[][]> {
  const values = await read(records.flat());
  return states.map((s) => states.map((t) => values[s * STATES + t]![0]!));
}

/**
 * `count` transitions from each state by the policy's own probabilities: systematic sampling, whose shares are off by
 * less than one transition, so that few are as good as many independent ones.
 */
function policyTransitions(logPi: readonly (readonly number[])[], count: number, offset: number): TraceRecord[] {
  return logPi.flatMap((row, s) => {
    let end = 0;
    return row.flatMap((logp, t) => {
      const start = end;
      end += Math.exp(logp) * count;
      const drawn = Math.floor(end - offset + 1) - Math.floor(start - offset + 1);
      return new Array<TraceRecord>(drawn).fill(records[s]![t]!);
    });
  });
}

it('AIRL with a shaped critic recovers the reward of a known MDP up to shaping, and a policy that is best', async () => {
  const policy = DecoderModel.create(device, policyConfig, { trainable: true });
  policy.initialise(4);
  // Larger than a language model's: state and step mix at once, where that would take long to learn.
  for (const name of policy.base.names.filter((name) => /[vo]_proj|mlp/.test(name))) {
    const values = (await read(policy.base.get(name))) as Float32Array;
    policy.base.set(
      name,
      values.map((value) => 2 * value),
    );
  }
  const critic = await Critic.copyOf(policy, { shaping: { gamma: GAMMA, clamp: null } });
  const optim = { ...grpoOptions.optim, weightDecay: 0 };
  const optimizer = createOptimizer(policy.trainableParameters(), optim);
  const criticOptimizer = createCriticOptimizer(critic, { optim });
  const positives = records.flatMap((row, s) => {
    return row.flatMap((record, t) => new Array<TraceRecord>(CHOICES[s]![t]!).fill(record));
  });
  const policyTable = () => table((all) => recordLogProbs(policy, all, 4096));
  for (let round = 1; round <= ROUNDS; round++) {
    const left = (ROUNDS - round + 1) / ROUNDS;
    const logPi = await policyTable();
    const updates = Array.from({ length: UPDATES }, (_, i) =>
      criticUpdate(
        critic,
        criticOptimizer,
        task,
        { positives, negatives: policyTransitions(logPi, 48, (0.618 * (UPDATES * round + i)) % 1) },
        {
          lr: 1.5e-2 * left,
          labelSmoothing: 0,
          microBatchTokens: 4096,
          density: { model: policy, temperature: 1 },
        },
      ),
    );
    await readCriticUpdates(updates);
    const samples = await rollout(policy, task, prompts, {
      samplesPerPrompt: 32,
      temperature: 1,
      seed: 1,
      stream: STREAMS.rollout,
      round,
      marks,
    });
    const scores = await critic.score(task, samples, 4096, { temperature: 1, clip: null, form: 'f-minus-logpi' });
    await roundAdvantages(
      samples,
      scores.map(({ tokens }) => tokens),
      undefined,
      { ...grpoOptions, groupSize: 32, maxTokens: 1, scores, credit: { level: 'sequence', scale: 'none', gamma: 1 } },
    );
    await policyUpdate(policy, undefined, optimizer, samples, {
      ...grpoOptions,
      lr: 2e-2 * left,
      klBeta: 0,
      updates: 1,
      maxTokens: 1,
    });
  }
  const f = await table(async (all) => critic.markLogits(task, all, 4096));
  const logPi = await policyTable();
  // f is the expert's advantage, so it orders the steps of every state, ...
  expect(correlation(f.flat(), ADVANTAGE.flat())).toBeGreaterThan(0.99);
  // ... the reward itself but for a shaping, ...
  expect(correlation(unshaped(f, REWARD).flat(), REWARD.flat())).toBeGreaterThan(0.99);
  // ... and what is best under it is best under the reward. So is what the policy has learned from it.
  expect(greedy(f)).toEqual(greedy(REWARD));
  expect(logPi.map((row) => row.indexOf(Math.max(...row)))).toEqual(greedy(REWARD));
  for (const held of [optimizer, criticOptimizer, critic, policy]) held.dispose();
}, 100_000);
