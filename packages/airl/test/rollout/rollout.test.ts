import type { DecoderModel } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STREAMS } from '../../src/data/streams.ts';
import { checkRecords } from '../../src/record.ts';
import { recordLogProbs } from '../../src/rollout/record-log-probs.ts';
import { type RolloutOptions, rollout } from '../../src/rollout/rollout.ts';
import { taskRecordRules } from '../../src/task/create-record.ts';
import type { Task } from '../../src/task/task.ts';
import { tinyPolicy, tinyTask } from '../train/tiny-run.ts';

let device: Device;
let policy: DecoderModel;
beforeAll(async () => {
  device = await openDevice();
  policy = tinyPolicy(device);
});
afterAll(() => {
  policy.dispose();
  device.close();
});

const plain = tinyTask();
const PROMPT = plain.maxPromptTokens;
const WRITTEN = 9;
/** A tool that writes every fifth token, so that it acts in the text of a policy that knows nothing. */
const task: Task = {
  ...plain,
  maxCompletionTokens: 14,
  environment: (_, length) => (length % 5 === 0 ? WRITTEN : undefined),
  forced: (ids) => Uint8Array.from(ids as Uint32Array, (_, t) => ((PROMPT + t) % 5 === 0 ? 1 : 0)),
};
const options: RolloutOptions = {
  samplesPerPrompt: 3,
  temperature: 1,
  seed: 4,
  stream: STREAMS.rollout,
  round: 2,
  marks: { granularity: 'step' },
};
const prompts = task.demonstrations.slice(0, 4);

describe('rollout', () => {
  it('makes records that keep every invariant, prompt by prompt', async () => {
    const records = await rollout(policy, task, prompts, options);
    expect(records.map(({ promptId }) => promptId)).toEqual(prompts.flatMap(({ id }) => [id, id, id]));
    expect(new Set(records.map(({ id }) => id)).size).toBe(12);
    checkRecords(records, taskRecordRules(task, options.marks));
    for (const { completionIds, finish, source, round } of records) {
      expect([source, round]).toEqual(['policy', 2]);
      expect(completionIds.length).toBeLessThanOrEqual(14);
      expect(finish).toBe(task.endIds.includes(completionIds.at(-1)!) ? 'end' : 'length');
    }
  });

  it('lets the environment write its tokens, at log-probability 0', async () => {
    let written = 0;
    for (const { completionIds, forced, logp } of await rollout(policy, task, prompts, options)) {
      completionIds.forEach((id, t) => {
        if (!forced[t]) return;
        written++;
        expect([id, logp?.[t]]).toEqual([WRITTEN, 0]);
      });
    }
    expect(written).toBeGreaterThan(12);
  });

  it('is a pure function of seed, stream, round and place, whatever else is sampled', async () => {
    const ids = async (chosen: Partial<RolloutOptions>, count = 4): Promise<number[][]> => {
      const records = await rollout(policy, task, prompts.slice(0, count), { ...options, ...chosen });
      return records.map(({ completionIds }) => [...completionIds]);
    };
    const base = await ids({});
    expect(await ids({})).toEqual(base);
    for (const other of [{ seed: 5 }, { stream: STREAMS.devRollout }, { round: 3 }]) {
      expect(await ids(other)).not.toEqual(base);
    }
    expect(new Set(base.map((list) => list.join())).size).toBe(12);
  });

  it.each([1, 0.6])(
    'records the log-probabilities that the trainer computes, at temperature %s',
    async (temperature) => {
      const records = await rollout(policy, task, prompts, { ...options, temperature });
      const computed = await recordLogProbs(policy, records, 60, { temperature });
      const atOnce = await recordLogProbs(policy, records, 10_000, { temperature });
      records.forEach(({ logp }, i) => {
        logp?.forEach((value, t) => {
          expect(computed[i]?.[t]).toBeCloseTo(value, 5);
          expect(atOnce[i]?.[t]).toBeCloseTo(value, 5);
        });
      });
    },
  );
});
