import { type Adamw, accumulateGradients, type Parameters } from '@dawngrad/autograd';
import { type DecoderModel, tokenLogProbs } from '@dawngrad/models';
import { affine, compile, type Device, readAll, scopeAsync, type Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Critic } from '../../src/critic/critic.ts';
import { criticUpdate } from '../../src/critic/critic-update.ts';
import { policyLoss } from '../../src/loss/policy-loss.ts';
import { packTraces, predictingRows } from '../../src/loss/token-rows.ts';
import { tokenWeights } from '../../src/loss/token-weights.ts';
import { expertRecord, policyRecord } from '../../src/task/create-record.ts';
import { createOptimizer } from '../../src/train/optim-options.ts';
import { supervisedStep } from '../../src/train/supervised-step.ts';
import { optim, tinyPolicy, tinyTask } from '../train/tiny-run.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const task = tinyTask();
const marks = { granularity: 'dense' } as const;
const experts = task.demonstrations.slice(0, 3).map((demonstration) => expertRecord(task, demonstration, marks));
const samples = task.demonstrations.slice(0, 3).map((demonstration, index) => {
  const { completionIds } = task.demonstrations[index + 3]!;
  return policyRecord(task, demonstration, completionIds, marks, { round: 1, index });
});
const microBatchTokens = 60;
const lr = 1e-2;

/** A step of a trainer: what it trains, and its loss and its optimiser's numbers. */
interface Step {
  readonly trained: (policy: DecoderModel, critic: Critic) => readonly Parameters[];
  readonly take: (policy: DecoderModel, critic: Critic, optimizer: Adamw) => { loss: Tensor; stats: Tensor };
}

const STEPS: Readonly<Record<string, Step>> = {
  'SFT step': {
    trained: (policy) => [policy.trainableParameters()],
    take: (policy, _, optimizer) => {
      const { loss, stats } = supervisedStep(policy, optimizer, experts, { lr, microBatchTokens });
      return { loss, stats };
    },
  },
  'GRPO step': {
    trained: (policy) => [policy.trainableParameters()],
    take: (policy, _, optimizer) => {
      const weights = tokenWeights(samples, 'token');
      const { loss } = accumulateGradients([policy.trainableParameters()], () => {
        const batch = packTraces(device, samples);
        const rows = (valuesOf: (i: number) => ArrayLike<number>): Tensor => predictingRows(batch, samples, valuesOf);
        const lengths = samples.map(({ completionIds }) => completionIds.length);
        const { logp, entropy } = tokenLogProbs(policy, batch);
        const loss = policyLoss(
          {
            logp,
            entropy,
            oldLogp: rows((i) => new Float32Array(lengths[i]!).fill(-4)),
            refLogp: rows((i) => new Float32Array(lengths[i]!).fill(-3.9)),
            sampledLogp: rows((i) => new Float32Array(lengths[i]!).fill(-4)),
            advantage: rows((i) => Float32Array.from({ length: lengths[i]! }, (_, t) => Math.sin(i + 0.7 * t))),
            weight: rows((i) => weights[i]!),
            mask: rows((i) => samples[i]!.forced.map((one) => 1 - one)),
          },
          { clip: { low: 0.2, high: 0.2 }, klBeta: 0.1, entropyBonus: 0.01 },
        );
        return { loss: loss.loss };
      });
      optimizer.step(lr);
      return { loss, stats: affine(optimizer.stats, 1, 0) };
    },
  },
  "critic's update of R-AIRL": {
    trained: (_, critic) => critic.parameters(),
    take: (_, critic, optimizer) => {
      const examples = { positives: experts, negatives: samples };
      const update = criticUpdate(critic, optimizer, task, examples, { lr, labelSmoothing: 0.1, microBatchTokens });
      return { loss: update.loss, stats: update.stats };
    },
  },
};

/** Loss and gradient norm of three steps. */
async function steps({ trained, take }: Step, isPlan: boolean): Promise<number[][]> {
  const policy = tinyPolicy(device);
  const critic = await Critic.copyOf(policy);
  // An epsilon above the rounding of gradients that cancel, see `invariance/irl.test.ts`.
  const optimizer = createOptimizer(trained(policy, critic), { ...optim, epsilon: 1e-4 });
  const body = () => take(policy, critic, optimizer);
  const planned = isPlan ? compile(device, body) : undefined;
  const found: number[][] = [];
  for (let i = 0; i < 3; i++) {
    const [loss, stats] = await scopeAsync(async () => {
      const made = (planned ?? body)();
      return (await readAll([made.loss, made.stats])) as [Float32Array, Float32Array];
    });
    found.push([loss[0]!, stats[0]!]);
  }
  if (planned !== undefined) expect(planned.plans).toHaveLength(1);
  planned?.dispose();
  for (const one of [optimizer, critic, policy]) one.dispose();
  return found;
}

describe.each(Object.keys(STEPS))('a %s', (name) => {
  it('has the same loss and gradient norm as a plan and eagerly', async () => {
    const [eager, planned] = [await steps(STEPS[name]!, false), await steps(STEPS[name]!, true)];
    expect(eager[2]![0]).not.toBe(eager[0]![0]);
    planned.forEach(([loss, norm], i) => {
      const [expectedLoss, expectedNorm] = eager[i] as [number, number];
      expect(Math.abs(loss! - expectedLoss)).toBeLessThanOrEqual(2e-5 * Math.max(1, Math.abs(expectedLoss)));
      expect(Math.abs(norm! - expectedNorm)).toBeLessThanOrEqual(5e-5 * Math.max(1, expectedNorm));
      expect(norm).toBeGreaterThan(0);
    });
  });
});
