import type { DecoderModel } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directoryCheckpoints } from '../../src/checkpoint/directory-checkpoints.ts';
import { Critic } from '../../src/critic/critic.ts';
import type { MetricRow } from '../../src/metrics/names.ts';
import { inverseRulesTokenizer } from '../../src/task/inverse-rules/tokenizer.ts';
import type { DevOptions } from '../../src/train/dev-accuracy.ts';
import { trainGrpo } from '../../src/train/grpo.ts';
import { trainIrl } from '../../src/train/irl.ts';
import type { RunContext } from '../../src/train/run-context.ts';
import { trainSft } from '../../src/train/sft.ts';
import { temporaryFolder } from '../checkpoint/temporary-folder.ts';
import { grpoOptions, irlOptions, recordRun, series, sftOptions, tinyPolicy, tinyTask } from './tiny-run.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const task = { ...tinyTask(), maxCompletionTokens: 10 };
const small = { promptsPerRound: 2, groupSize: 2, maxSteps: 3 };
type Train = (policy: DecoderModel, dev: { readonly dev?: DevOptions }, context: RunContext) => Promise<unknown>;

const sft: Train = (policy, dev, context) => {
  return trainSft(policy, task, { ...sftOptions, ...dev, maxSteps: 3 }, context);
};
const grpo: Train = (policy, dev, context) => {
  return trainGrpo(policy, task, { ...grpoOptions, ...small, ...dev }, context);
};
const irl: Train = async (policy, dev, context) => {
  const critic = await Critic.copyOf(policy);
  await trainIrl(policy, critic, task, { ...irlOptions, ...small, ...dev }, context);
  critic.dispose();
};

async function rowsOf(train: Train, dev: { readonly dev?: DevOptions }, saves: boolean): Promise<MetricRow[]> {
  const checkpoints = directoryCheckpoints({
    folder: temporaryFolder(),
    keep: 1,
    everySteps: 1,
    sideFiles: inverseRulesTokenizer(),
    resume: false,
  });
  const { context, rows } = recordRun(saves ? checkpoints : undefined);
  const policy = tinyPolicy(device);
  await train(policy, dev, context);
  policy.dispose();
  return rows;
}

describe.each<[string, Train, number]>([
  ['sft', sft, 3],
  ['grpo', grpo, 3],
  ['irl', irl, 6],
])("the device's work in the rows of %s", (_, train, count) => {
  it('is that of the step alone, whatever is evaluated and saved between steps', async () => {
    const alone = await rowsOf(train, {}, false);
    const dev = { everySteps: 1, prompts: 2, samplesPerPrompt: 2, temperature: 1 };
    const evaluated = await rowsOf(train, { dev }, true);
    expect(series(evaluated, 'eval/n').length).toBe(4);
    for (const key of ['perf/dispatches', 'perf/submits'] as const) {
      expect(series(alone, key).length).toBe(count);
      expect(series(evaluated, key)).toEqual(series(alone, key));
    }
  });
});
