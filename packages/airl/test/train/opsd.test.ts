import type { DecoderModel } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordLogProbs } from '../../src/rollout/record-log-probs.ts';
import { longestTeacherPrompt } from '../../src/task/teacher-prompt.ts';
import { type OpsdOptions, trainOpsd } from '../../src/train/opsd.ts';
import { expectSameRows } from '../invariance/same-rows.ts';
import { optim, recordRun, series, tinyPolicy, tinyTask } from './tiny-run.ts';
import { tinyTextTask } from './tiny-text-task.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const task = tinyTextTask();
const MAX_POSITIONS = longestTeacherPrompt(task) + task.maxCompletionTokens;

const options: OpsdOptions = {
  seed: 7,
  lr: 2e-2,
  optim: { ...optim, schedule: 'constant', warmupRatio: 0, weightDecay: 0 },
  weights: { temperature: 0.5, clip: [-0.4, 0.4], normalise: false },
  groupSize: 3,
  temperature: 0.8,
  maxSteps: 2,
  promptsPerRound: 4,
  microBatchTokens: 4096,
  loggedPrompts: 4,
};

/** A policy with opinions: at random weights of the usual size all log-ratios are near 0. */
function policyOf(lora = false): DecoderModel {
  const model = tinyPolicy(device, lora, MAX_POSITIONS);
  model.base.set(
    'lm_head.weight',
    Float32Array.from({ length: 68 * 16 }, (_, i) => 0.8 * Math.sin(3.7 * i)),
  );
  return model;
}

describe('trainOpsd', () => {
  it.each([false, true])(
    'weighs sampled tokens by what the frozen base makes of the expert (adapters %s)',
    async (lora) => {
      const [policy, base] = [policyOf(lora), policyOf()];
      const { context, rows, samples } = recordRun();
      expect(await trainOpsd(policy, task, options, context)).toEqual({ status: 'finished', step: 2 });
      const demonstrations = new Map(task.demonstrations.map((one) => [one.id, one]));
      const traces = samples.map(({ prompt_id, completion_ids }) => {
        const { promptIds } = demonstrations.get(prompt_id)!;
        return { promptIds, completionIds: Uint32Array.from(completion_ids) };
      });
      const shown = traces.map(({ completionIds }, i) => {
        const target = task.decode(demonstrations.get(samples[i]!.prompt_id)!.completionIds);
        const promptIds = task.teacherPromptIds!(demonstrations.get(samples[i]!.prompt_id)!);
        // The expert's words stand in the prompt of the teacher, and only there.
        expect(task.decode(promptIds)).toContain(target);
        return { promptIds, completionIds };
      });
      const [plainLogps, shownLogps] = [
        await recordLogProbs(base, traces, 4096),
        await recordLogProbs(base, shown, 4096),
      ];
      const weights = traces.map((_, i) =>
        Array.from(plainLogps[i]!, (plain, t) => Math.min(Math.max((shownLogps[i]![t]! - plain) / 0.5, -0.4), 0.4)),
      );
      // Of both rounds: the teacher stays the policy of the start while the student moves.
      samples.forEach(({ advantages, reward }, i) => {
        advantages.forEach((weight, t) => {
          expect(weight).toBeCloseTo(weights[i]![t]!, 4);
        });
        expect(reward).toBeCloseTo(advantages.reduce((a, b) => a + b, 0) / advantages.length, 5);
      });
      const [loss] = series(rows, 'loss');
      const own = samples.filter(({ step }) => step === 1).length;
      expect(own).toBe(12);
      const first = weights.slice(0, own).flatMap((list, i) => list.map((w, t) => -w * plainLogps[i]![t]!));
      expect(loss).toBeCloseTo(first.reduce((a, b) => a + b, 0) / first.length, 4);
      const [tokens] = series(rows, 'num_tokens');
      expect(tokens).toBe(first.length);
      const [clipped] = series(rows, 'opsd/weight_clipped');
      expect(clipped).toBeGreaterThan(0);
      expect(clipped).toBeLessThan(1);
      expect(series(rows, 'reward')).toEqual([]);
      expect(series(rows, 'grad_norm').every((norm) => norm > 0)).toBe(true);
      policy.dispose();
      base.dispose();
    },
  );

  it('makes tokens likelier that the shown expert makes likelier', async () => {
    const policy = policyOf();
    const { context, rows } = recordRun();
    const longer = { ...options, weights: { ...options.weights, clip: null }, groupSize: 8, maxSteps: 16 };
    await trainOpsd(policy, task, longer, context);
    const means = series(rows, 'opsd/weight_mean');
    const average = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(average(means.slice(-4))).toBeGreaterThan(average(means.slice(0, 4)) + 0.1);
    policy.dispose();
  });

  it('has the same metrics in micro-batches of one trace, with blocks computed again, and with normalised weights', async () => {
    const rowsOf = async (microBatchTokens: number, recomputes: boolean) => {
      const policy = policyOf();
      policy.recomputesBlocks = recomputes;
      const { context, rows } = recordRun();
      const weights = { ...options.weights, normalise: true };
      await trainOpsd(policy, task, { ...options, lr: 1e-3, weights, microBatchTokens, maxSteps: 1 }, context);
      policy.dispose();
      return rows;
    };
    const whole = await rowsOf(4096, false);
    expect(whole[0]!.grad_norm).toBeGreaterThan(0);
    expectSameRows(await rowsOf(1, true), whole);
  });

  it('frees all that it took, and ends after the step in which it is asked to stop', async () => {
    const policy = policyOf();
    const before = device.memory.liveBuffers;
    const { context } = recordRun(undefined, 1);
    expect(await trainOpsd(policy, task, options, context)).toEqual({ status: 'stopped', step: 1 });
    expect(device.memory.liveBuffers).toBe(before);
    policy.dispose();
  });

  it('says what it needs where no expert can be shown', async () => {
    const policy = policyOf();
    const { context } = recordRun();
    await expect(trainOpsd(policy, tinyTextTask({ demonstrations: [] }), options, context)).rejects.toThrow(
      /tiny sums: expected rows with a target.*got none/s,
    );
    await expect(trainOpsd(policy, tinyTask(), options, context)).rejects.toThrow(
      /inverse-rules-tool: expected a task of texts.*fixed form/s,
    );
    policy.dispose();
  });
});
