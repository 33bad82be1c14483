import { accumulateGradients } from '@dawngrad/autograd';
import { type DecoderModel, memoryFiles } from '@dawngrad/models';
import { type Device, multiply, read, readAll, scopeAsync, softplus, sum, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CRITIC_FILE, criticFileOf, readCriticFile } from '../../src/checkpoint/critic-file.ts';
import { Critic, type CriticOptions, criticTrace } from '../../src/critic/critic.ts';
import { criticChoiceFaults } from '../../src/critic/critic-choice.ts';
import { createCriticOptimizer } from '../../src/critic/critic-optimizer.ts';
import { criticUpdate, readCriticUpdates } from '../../src/critic/critic-update.ts';
import { ShapedHead } from '../../src/critic/shaped-head.ts';
import { firstRows, packTraces } from '../../src/loss/token-rows.ts';
import type { TraceRecord } from '../../src/record.ts';
import { expertRecord, type MarkChoice } from '../../src/task/create-record.ts';
import { createOptimizer } from '../../src/train/optim-options.ts';
import { optim, tinyPolicy, tinyTask } from '../train/tiny-run.ts';

const WEIGHTS = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i + 1));

let device: Device;
let policy: DecoderModel;
let last: Critic;
let mean: Critic;
beforeAll(async () => {
  device = await openDevice();
  policy = tinyPolicy(device);
  last = await startCritic();
  mean = new Critic(last.model, last.head, 'mean');
});
afterAll(() => {
  last.dispose();
  policy.dispose();
  device.close();
});

/** A critic whose head is not zero, so that its values differ and its trunk has a gradient. */
async function startCritic(options: CriticOptions = {}): Promise<Critic> {
  const critic = await Critic.copyOf(policy, options);
  const names = options.shaping === undefined ? ['score.weight'] : ['reward.weight', 'potential.weight'];
  for (const name of names) critic.head.parameters.set(name, WEIGHTS);
  if (options.shaping === undefined) critic.head.parameters.set('score.bias', Float32Array.of(0.25));
  return critic;
}

const task = tinyTask();
const records = (choice: MarkChoice): TraceRecord[] =>
  task.demonstrations.map((demonstration) => expertRecord(task, demonstration, choice));
const DENSE = { granularity: 'dense' } as const;
const SEVENS = { granularity: 'interval', intervalTokens: 7 } as const;

describe('pooling mean', () => {
  it.each([
    { granularity: 'sparse' },
    { granularity: 'step' },
    { granularity: 'interval', intervalTokens: 3 },
    SEVENS,
  ] as const)('is the mean of w.h + b over the tokens of each segment, in float64: %o', async (choice) => {
    const marked = records(choice);
    const traces = marked.map((record) => criticTrace(task, record));
    const { hidden, first } = await scopeAsync(async () => {
      const batch = packTraces(device, traces);
      return { hidden: await read(last.model.hidden(batch)), first: firstRows(batch, traces, 'own') };
    });
    const logit = (row: number): number => WEIGHTS.reduce((dot, w, d) => dot + w * hidden[row * 16 + d]!, 0.25);
    // In micro-batches of few traces, and all at once.
    for (const tokens of [100, 100_000]) {
      const values = await mean.markLogits(task, marked, tokens);
      marked.forEach(({ segments }, i) => {
        expect(values[i]!.length).toBe(segments.length);
        segments.forEach(({ start, end }, k) => {
          let total = 0;
          for (let t = start; t <= end; t++) total += logit(first[i]! + t);
          expect(values[i]![k]).toBeCloseTo(total / (end - start + 1), 5);
        });
      });
    }
    const lengths = new Set(marked.flatMap(({ segments }) => segments.map(({ start, end }) => end - start + 1)));
    expect(Math.max(...lengths)).toBeGreaterThan(2);
  });

  it('is the logit itself where each token is a segment, bit for bit; last is the logit of the mark', async () => {
    const [one, other] = [
      await mean.markLogits(task, records(DENSE), 4096),
      await last.markLogits(task, records(DENSE), 4096),
    ];
    expect(one).toEqual(other);
    const sevens = records(SEVENS);
    const values = await last.markLogits(task, sevens, 4096);
    sevens.forEach(({ marks }, i) => {
      expect([...values[i]!]).toEqual(Array.from(marks, (mark) => other[i]![mark]));
    });
    const pooled = await mean.markLogits(task, sevens, 4096);
    expect(Math.max(...pooled[0]!.map((value, k) => Math.abs(value - values[0]![k]!)))).toBeGreaterThan(0.05);
  });

  it('has the gradient of finite differences, in head and trunk', async () => {
    const critic = await startCritic({ pooling: 'mean' });
    const marked = records(SEVENS).slice(0, 3);
    const traces = marked.map((record) => criticTrace(task, record));
    /** A loss that bends: sum over marks of +-softplus(f). */
    const loss = (): { readonly loss: Tensor } => {
      const batch = packTraces(device, traces);
      const first = firstRows(batch, traces, 'own');
      const signs = new Float32Array(batch.rows);
      marked.forEach(({ marks }, i) => {
        for (const mark of marks) signs[first[i]! + mark] = i % 2 === 0 ? 1 : -1;
      });
      const { f } = critic.values(batch, marked, first);
      return { loss: sum(multiply(softplus(f), Tensor.from(device, signs, [batch.rows]))) };
    };
    const sets = critic.parameters();
    const names = [
      'score.weight',
      'score.bias',
      'model.layers.1.mlp.down_proj.weight',
      'model.layers.0.self_attn.q_proj.weight',
    ];
    for (const name of names) {
      const set = sets.find((one) => one.names.includes(name))!;
      const { start, gradient } = await scopeAsync(async () => {
        accumulateGradients(sets, loss);
        const values = await readAll([set.get(name), set.gradient(name)!]);
        const [start, gradient] = values.map((data) => Float32Array.from(data as Float32Array));
        return { start: start!, gradient: gradient! };
      });
      for (const one of sets) one.zeroGradients();
      const length = Math.hypot(...gradient);
      expect(length).toBeGreaterThan(1e-3);
      const moved = async (by: number): Promise<number> => {
        set.set(
          name,
          start.map((value, i) => value + (by * gradient[i]!) / length),
        );
        return scopeAsync(async () => (await read(loss().loss))[0]!);
      };
      const slope = ((await moved(0.01)) - (await moved(-0.01))) / 0.02;
      set.set(name, start);
      expect([name, Math.abs(slope / length - 1) < 0.02]).toEqual([name, true]);
    }
    critic.dispose();
  });

  it('learns to tell experts from samples', async () => {
    const critic = await startCritic({ pooling: 'mean' });
    const optimizer = createCriticOptimizer(critic, { optim, trunkLrScale: 0.1 });
    const all = records(SEVENS);
    const examples = {
      positives: all.slice(0, 3),
      negatives: all
        .slice(3)
        .map((one): TraceRecord => ({ ...one, completionIds: one.completionIds.slice().reverse() })),
    };
    const settings = { lr: 1e-2, labelSmoothing: 0.1, microBatchTokens: 100 };
    const losses: number[] = [];
    for (let update = 0; update < 10; update++) {
      const [result] = await readCriticUpdates([criticUpdate(critic, optimizer, task, examples, settings)]);
      losses.push(result!.loss);
    }
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.1);
    optimizer.dispose();
    critic.dispose();
  });

  it('is refused for a shaped critic and for the gradient penalty', async () => {
    const head = new ShapedHead(device, 16);
    expect(() => new Critic(last.model, head, 'mean')).toThrow(/critic\.pooling.*a plain critic/s);
    head.dispose();
    const all = records(DENSE);
    const optimizer = createOptimizer(mean.parameters(), optim);
    const settings = { lr: 0, labelSmoothing: 0, microBatchTokens: 4096, loss: 'wasserstein' } as const;
    expect(() =>
      criticUpdate(mean, optimizer, task, { positives: all.slice(0, 1), negatives: all.slice(1, 2) }, settings),
    ).toThrow(/critic\.pooling.*got mean/s);
    optimizer.dispose();
    const choice = {
      kind: 'plain',
      loss: 'bce',
      granularity: 'dense',
      reward: {},
      corruptedPerExpert: 0,
      replayRounds: 0,
    } as const;
    const keys = (changes: Partial<Parameters<typeof criticChoiceFaults>[0]>): (readonly string[])[] =>
      criticChoiceFaults({ ...choice, pooling: 'mean', ...changes }).map((fault) => fault.keys);
    expect(keys({})).toEqual([]);
    expect(keys({ kind: 'shaped' })).toEqual([['critic.pooling', 'critic.kind']]);
    expect(keys({ loss: 'wasserstein' })).toEqual([['critic.pooling', 'critic.loss']]);
  });

  it('is kept in critic.json, where last is not named', async () => {
    const training = { loss: 'bce', granularity: 'dense' } as const;
    const written = [last, mean].map((critic) => criticFileOf(critic, training, undefined));
    expect(written).toEqual([
      { schema: 1, kind: 'plain', loss: 'bce', granularity: 'dense' },
      { schema: 1, kind: 'plain', loss: 'bce', granularity: 'dense', pooling: 'mean' },
    ]);
    const readBack = (content: object) =>
      readCriticFile(
        memoryFiles('critic', new Map([[CRITIC_FILE, new TextEncoder().encode(JSON.stringify(content))]])),
      );
    for (const file of written) expect(await readBack(file)).toEqual(file);
    await expect(readBack({ ...written[1], pooling: 'max' })).rejects.toThrow(/pooling last or mean, got "max"/);
    const shaped = { kind: 'shaped', shaping: { gamma: 1, clamp: null } };
    await expect(readBack({ ...written[1], ...shaped })).rejects.toThrow(/pooling last of a shaped critic/);
  });
});

describe('the factor of the trunk', () => {
  const noClip = { ...optim, maxGradNorm: 0 };
  const all = records(SEVENS);
  const examples = { positives: all.slice(0, 3), negatives: all.slice(3) };
  const LR = 1e-2;

  const valuesOf = (critic: Critic): Promise<Map<string, Float32Array>> =>
    scopeAsync(async () => {
      const sets = critic.parameters();
      const names = sets.flatMap((set) => set.names);
      const values = await readAll(sets.flatMap((set) => set.names.map((name) => set.get(name))));
      return new Map(names.map((name, i) => [name, Float32Array.from(values[i] as Float32Array)]));
    });

  /** The weights after one update of a new critic. */
  async function updated(
    options: CriticOptions,
    lr: number,
    optimizerOf: (critic: Critic) => ReturnType<typeof createOptimizer>,
  ): Promise<Map<string, Float32Array>> {
    const critic = await startCritic(options);
    const optimizer = optimizerOf(critic);
    const settings = { lr, labelSmoothing: 0.1, microBatchTokens: 4096, density: { model: policy, temperature: 1 } };
    await readCriticUpdates([criticUpdate(critic, optimizer, task, examples, settings)]);
    const values = await valuesOf(critic);
    optimizer.dispose();
    critic.dispose();
    return values;
  }

  it.each([
    ['all weights', {}],
    ['adapters', { lora: { rank: 2, alpha: 4, targets: ['q_proj', 'down_proj'], seed: 1 } }],
  ] as const)('moves %s as an optimiser of their own would at that rate, and the head as ever', async (_, options) => {
    const both = await updated(options, LR, (critic) =>
      createCriticOptimizer(critic, { optim: noClip, trunkLrScale: 0.125 }),
    );
    const head = await updated(options, LR, (critic) => createOptimizer(critic.head.parameters, noClip));
    const trunk = await updated(options, LR * 0.125, (critic) =>
      createOptimizer(critic.model.trainableParameters(), noClip),
    );
    const plain = await updated(options, LR, (critic) => createCriticOptimizer(critic, { optim: noClip }));
    const whole = await updated(options, LR, (critic) => createOptimizer(critic.parameters(), noClip));
    expect(plain).toEqual(whole);
    let slower = 0;
    for (const [name, values] of both) {
      const own = name.startsWith('score.') ? head.get(name)! : trunk.get(name)!;
      expect([name, values]).toEqual([name, own]);
      if (!name.startsWith('score.') && values.some((value, i) => value !== plain.get(name)![i])) slower++;
    }
    expect(slower).toBeGreaterThan(0);
  });

  it('leaves both heads of a shaped critic at their own rates', async () => {
    const shaping = { gamma: 1, clamp: null };
    const settings = { optim: { ...noClip, weightDecay: 0 }, potentialLrScale: 0.5, trunkLrScale: 0.01 };
    const after = await updated({ shaping }, LR, (critic) => createCriticOptimizer(critic, settings));
    /** Adam's first step is the learning rate in every number. */
    const furthest = (values: Float32Array, start: Float32Array): number =>
      Math.max(...values.map((value, i) => Math.abs(value - start[i]!)));
    expect(furthest(after.get('reward.weight')!, WEIGHTS)).toBeCloseTo(LR, 5);
    expect(furthest(after.get('potential.weight')!, WEIGHTS)).toBeCloseTo(0.5 * LR, 5);
    const name = 'model.layers.1.mlp.down_proj.weight';
    const start = (await scopeAsync(async () => read(policy.base.get(name)))) as Float32Array;
    expect(furthest(after.get(name)!, start)).toBeCloseTo(0.01 * LR, 5);
  });

  it.each([0, -1, 11, Number.NaN])('is refused at %s, with what to do instead', (trunkLrScale) => {
    expect(() => createCriticOptimizer(last, { optim, trunkLrScale })).toThrow(
      /critic\.trunk_lr_scale: expected more than 0 and at most 10.*a small factor/s,
    );
  });
});
