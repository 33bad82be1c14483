import type { DecoderModel } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directoryCheckpoints } from '../../src/checkpoint/directory-checkpoints.ts';
import { REWARD_FUNCTIONS } from '../../src/credit/reward-functions.ts';
import { Critic } from '../../src/critic/critic.ts';
import { METRICS } from '../../src/metrics/names.ts';
import { createDocument } from '../../src/task/inverse-rules/documents.ts';
import { inverseRulesTokenizer } from '../../src/task/inverse-rules/tokenizer.ts';
import type { Task } from '../../src/task/task.ts';
import { longestTeacherPrompt } from '../../src/task/teacher-prompt.ts';
import type { DevOptions } from '../../src/train/dev-accuracy.ts';
import { trainGrpo } from '../../src/train/grpo.ts';
import type { IrlOptions } from '../../src/train/irl/irl-options.ts';
import { trainIrl } from '../../src/train/irl.ts';
import { trainOpsd } from '../../src/train/opsd.ts';
import { pretrain } from '../../src/train/pretrain.ts';
import type { RunContext } from '../../src/train/run-context.ts';
import { trainSft } from '../../src/train/sft.ts';
import { temporaryFolder } from '../checkpoint/temporary-folder.ts';
import { grpoOptions, irlOptions, optim, recordRun, sftOptions, tinyPolicy, tinyTask } from '../train/tiny-run.ts';
import { tinyTextTask } from '../train/tiny-text-task.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const dev: DevOptions = { everySteps: 1, prompts: 1, samplesPerPrompt: 1, temperature: 1 };
const small = { promptsPerRound: 2, groupSize: 2, maxSteps: 2, dev };
const words = tinyTextTask();
const rules = { ...tinyTask(), maxCompletionTokens: 10 };

/** Of random weights no sample is right: here half of all texts are, so that both kinds are met with. */
const even: Task = {
  ...rules,
  check: (text) => ({ outcome: text.length % 2 === 0 ? 'correct' : 'wrong', answer: text.slice(-1), strict: false }),
};

const irl = async (policy: DecoderModel, task: Task, options: IrlOptions, context: RunContext): Promise<void> => {
  const critic = await Critic.copyOf(policy);
  await trainIrl(policy, critic, task, options, context);
  critic.dispose();
};
const tinyIrl: IrlOptions = { ...irlOptions, ...small, warmup: { steps: 1, samplesPerPrompt: 1 } };

/** What the trainers can write, by runs that have every option on. */
const RUNS: Readonly<Record<string, (policy: DecoderModel, context: RunContext) => Promise<unknown>>> = {
  pretrain: (policy, context) => {
    const documentAt = (index: number) => createDocument(tinyTask().world, index);
    const options = { lr: 1e-3, optim, maxSteps: 2, rowsPerStep: 2, microBatchTokens: 4096, readEverySteps: 1 };
    return pretrain(policy, documentAt, options, context);
  },
  sft: (policy, context) => trainSft(policy, rules, { ...sftOptions, maxSteps: 2, dev }, context),
  grpo: (policy, context) => {
    const functions = Object.fromEntries(Object.keys(REWARD_FUNCTIONS).map((name) => [name, 1]));
    return trainGrpo(policy, even, { ...grpoOptions, ...small, maxResamples: 1, sources: { functions } }, context);
  },
  opsd: (policy, context) => {
    const weights = { temperature: 1, clip: [-1, 1], normalise: false } as const;
    return trainOpsd(policy, words, { ...grpoOptions, ...small, weights }, context);
  },
  irl: (policy, context) => {
    const critic = { ...irlOptions.critic, control: 'shuffled_labels' } as const;
    return irl(policy, even, { ...tinyIrl, critic, relabel: 'checker' }, context);
  },
  'irl, cut samples dropped': (policy, context) =>
    irl(policy, even, { ...tinyIrl, maxSteps: 1, relabel: 'checker', dropsCutSamples: true }, context),
  'irl, wasserstein': (policy, context) => {
    const critic = { ...irlOptions.critic, loss: 'wasserstein' } as const;
    const reward = { ...irlOptions.reward, normalise: 'running' } as const;
    const credit = { level: 'token', scale: 'group', gamma: 0.9 } as const;
    return irl(policy, rules, { ...tinyIrl, critic, reward, credit }, context);
  },
};

const seen = new Set<string>();

describe('every key that a trainer writes is in the dictionary', () => {
  it.each(Object.entries(RUNS))('%s', async (_, run) => {
    const checkpoints = directoryCheckpoints({
      folder: temporaryFolder(),
      keep: 1,
      everySteps: 1,
      sideFiles: inverseRulesTokenizer(),
      resume: false,
    });
    const { context, rows } = recordRun(checkpoints);
    const policy = tinyPolicy(device, false, Math.max(64, longestTeacherPrompt(words) + words.maxCompletionTokens));
    await run(policy, context);
    policy.dispose();
    for (const row of rows) for (const key of Object.keys(row)) seen.add(key);
    expect(rows.length).toBeGreaterThan(1);
    expect(rows.flatMap(Object.keys).filter((key) => !(key in METRICS))).toEqual([]);
  });
});

it('every key of the dictionary is written by a trainer', () => {
  expect(Object.keys(METRICS).filter((key) => !seen.has(key))).toEqual([]);
});
