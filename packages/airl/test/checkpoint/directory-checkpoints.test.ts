import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DecoderModel, packSequences, tokenLogProbs } from '@dawngrad/models';
import { openModelDirectory, saveModelDirectory, verifyDirectory } from '@dawngrad/models/node';
import { type Device, read, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directoryCheckpoints } from '../../src/checkpoint/directory-checkpoints.ts';
import { inverseRulesTokenizer } from '../../src/task/inverse-rules/tokenizer.ts';
import { trainGrpo } from '../../src/train/grpo.ts';
import type { Checkpoints } from '../../src/train/run-context.ts';
import { trainSft } from '../../src/train/sft.ts';
import { grpoOptions, recordRun, sftOptions, tinyPolicy, tinyTask } from '../train/tiny-run.ts';
import { temporaryFolder } from './temporary-folder.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const sideFiles = inverseRulesTokenizer();

function checkpointsIn(folder: string, resume: boolean, acceptFallback = false): Checkpoints {
  const base = { name: join(folder, 'base') };
  const bases = { policy: base, critic: base };
  return directoryCheckpoints({ folder, keep: 3, everySteps: 2, sideFiles, bases, resume, acceptFallback });
}

/** Trains a tiny policy for some steps with checkpoints in `folder`. */
async function train(folder: string, options: { resume: boolean; acceptFallback?: boolean; lora?: boolean }) {
  const policy = tinyPolicy(device, options.lora ?? false);
  const { context } = recordRun(checkpointsIn(folder, options.resume, options.acceptFallback));
  try {
    return { policy, result: await trainSft(policy, tinyTask(), { ...sftOptions, lr: 5e-2 }, context) };
  } catch (error) {
    policy.dispose();
    throw error;
  }
}

const sequence = [5, 6, 7, 8, 9, 10, 11, 12];

async function logProbsOf(model: DecoderModel): Promise<Float32Array> {
  return scopeAsync(async () => {
    const { logp } = tokenLogProbs(model, packSequences(device, [sequence]));
    return (await read(logp)) as Float32Array;
  });
}

describe('directoryCheckpoints', () => {
  it('saves every n steps and at the end, keeps the newest, and every one verifies', async () => {
    const folder = temporaryFolder();
    const { policy } = await train(folder, { resume: false });
    policy.dispose();
    const names = readdirSync(folder).filter((name) => name.startsWith('step-'));
    expect(names).toEqual(['step-00000002', 'step-00000004', 'step-00000006']);
    for (const name of names) expect((await verifyDirectory(join(folder, name))).faults).toEqual([]);
  });

  it.each([false, true])('saves the policy as a model that loads by itself (adapters: %s)', async (lora) => {
    const folder = temporaryFolder();
    if (lora) {
      const base = tinyPolicy(device, true);
      const tensors = base.tensorSources();
      await saveModelDirectory(join(folder, 'base'), { config: base.config, tensors, sideFiles });
      base.dispose();
    }
    const { policy } = await train(folder, { resume: false, lora });
    const source = await openModelDirectory(join(folder, 'step-00000006'));
    const loaded = await DecoderModel.load(device, source, { trainable: false });
    const expected = await logProbsOf(policy);
    (await logProbsOf(loaded)).forEach((logp, i) => {
      expect(logp).toBeCloseTo(expected[i] as number, 5);
    });
    policy.dispose();
    loaded.dispose();
  });

  it('refuses a damaged newest checkpoint by name, and goes on from the one before where that is accepted', async () => {
    const folder = temporaryFolder();
    (await train(folder, { resume: false })).policy.dispose();
    writeFileSync(join(folder, 'step-00000006', 'training', 'moments.safetensors'), 'torn');
    await expect(train(folder, { resume: true })).rejects.toThrow(
      /step-00000006.*training\/moments\.safetensors.*step-00000004 is whole/,
    );
    const { policy, result } = await train(folder, { resume: true, acceptFallback: true });
    policy.dispose();
    expect(result).toEqual({ status: 'finished', step: 6 });
    expect((await verifyDirectory(join(folder, 'step-00000006'))).faults).toEqual([]);
  });

  it('starts from the beginning where a run died before its first checkpoint', async () => {
    const { policy, result } = await train(temporaryFolder(), { resume: true });
    policy.dispose();
    expect(result).toEqual({ status: 'finished', step: 6 });
  });

  it('refuses the checkpoint of another method', async () => {
    const folder = temporaryFolder();
    (await train(folder, { resume: false })).policy.dispose();
    const policy = tinyPolicy(device);
    const { context } = recordRun(checkpointsIn(folder, true));
    await expect(trainGrpo(policy, tinyTask(), grpoOptions, context)).rejects.toThrow(
      /a checkpoint of grpo, got one of sft/,
    );
    policy.dispose();
  });

  it('never saves weights that are not finite, and leaves what was saved before', async () => {
    const folder = temporaryFolder();
    const policy = tinyPolicy(device);
    const { context } = recordRun(checkpointsIn(folder, false));
    const task = tinyTask();
    await trainSft(policy, task, { ...sftOptions, maxSteps: 2 }, context);
    policy.base.set('model.norm.weight', new Float32Array(16).fill(Number.NaN));
    const again = recordRun({ ...checkpointsIn(folder, false), everySteps: 3 });
    const lenient = { ...again.context, metrics: () => undefined };
    await expect(trainSft(policy, task, { ...sftOptions, maxSteps: 3 }, lenient)).rejects.toThrow(/finite weights/);
    expect(readdirSync(folder).sort()).toEqual(['latest', 'step-00000002']);
    policy.dispose();
  });
});
