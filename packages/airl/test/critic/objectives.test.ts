import { accumulateGradients, type Parameters } from '@dawngrad/autograd';
import { DecoderModel } from '@dawngrad/models';
import { type Device, keep, Rng, read, readAll, scope, scopeAsync, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { composedHidden } from '../../src/critic/composed-hidden.ts';
import { Critic, criticTrace } from '../../src/critic/critic.ts';
import { type CriticUpdateOptions, criticUpdate, readCriticUpdates } from '../../src/critic/critic-update.ts';
import { gradientPenalty } from '../../src/critic/objectives/gradient-penalty.ts';
import { type CriticLossName, criticObjectives } from '../../src/critic/objectives/table.ts';
import { ShapedHead } from '../../src/critic/shaped-head.ts';
import { balancedBce, pairwiseLoss } from '../../src/loss/reference.ts';
import { packTraces } from '../../src/loss/token-rows.ts';
import type { TraceRecord } from '../../src/record.ts';
import { recordLogProbs } from '../../src/rollout/record-log-probs.ts';
import { expertRecord, type MarkChoice, policyRecord } from '../../src/task/create-record.ts';
import { createOptimizer } from '../../src/train/optim-options.ts';
import { optim, tinyPolicy, tinyTask } from '../train/tiny-run.ts';

let device: Device;
let policy: DecoderModel;
let plain: Critic;
let shaped: Critic;
beforeAll(async () => {
  device = await openDevice();
  policy = tinyPolicy(device);
  plain = await Critic.copyOf(policy);
  shaped = await Critic.copyOf(policy, { shaping: { gamma: 0.9, clamp: null } });
  const rng = new Rng(4, 9);
  for (const { head } of [plain, shaped]) {
    head.parameters.names.forEach((name, n) => {
      const size = head.parameters.get(name).size;
      head.parameters.set(
        name,
        Float32Array.from({ length: size }, (_, i) => rng.normal(n, i) * 0.5),
      );
    });
  }
});
afterAll(() => {
  for (const model of [plain, shaped, policy]) model.dispose();
  device.close();
});

const task = tinyTask();

/** Experts of the first prompts and, for each, samples made of other experts' traces, of other lengths. */
function examples(choice: MarkChoice, prompts = 3, each = 2): { positives: TraceRecord[]; negatives: TraceRecord[] } {
  const shown = task.demonstrations.slice(0, prompts);
  return {
    positives: shown.map((demonstration) => expertRecord(task, demonstration, choice)),
    negatives: shown.flatMap((demonstration, p) =>
      Array.from({ length: each }, (_, j) => {
        const other = task.demonstrations[(p + j + 1) % task.demonstrations.length]!;
        return policyRecord(task, demonstration, other.completionIds, choice, { round: 1, index: p * each + j });
      }),
    ),
  };
}

/** A point between an expert and a sample of one prompt. */
function pointOf(choice: MarkChoice) {
  const { positives, negatives } = examples(choice, 1, 1);
  const [expert, negative] = [positives[0]!, negatives[0]!];
  const shorter = expert.completionIds.length <= negative.completionIds.length ? expert : negative;
  return { expert, negative, shorter, share: 0.3 };
}

const granularityOf = (loss: CriticLossName): MarkChoice =>
  criticObjectives.get(loss).unit === 'sequence' ? { granularity: 'sparse' } : { granularity: 'step' };

/** Loss and flat gradients of one update, the parameters left as they are (a rate of 0 and no decay). */
async function gradientsOf(
  critic: Critic,
  chosen: ReturnType<typeof examples>,
  options: Partial<CriticUpdateOptions>,
): Promise<{ loss: number; logits: [number[], number[]]; gradients: Float32Array; penalty: number | undefined }> {
  const optimizer = createOptimizer(critic.parameters(), { ...optim, weightDecay: 0 });
  try {
    // AdamW clears the gradients that it uses: they are copied before.
    const copies: Tensor[] = [];
    const step = optimizer.step.bind(optimizer);
    optimizer.step = (lr) => {
      copies.push(
        ...critic.parameters().flatMap(({ arenas }) => arenas.map(({ gradients }) => keep(gradients!.add(0)))),
      );
      step(lr);
    };
    const update = criticUpdate(critic, optimizer, task, chosen, {
      lr: 0,
      labelSmoothing: 0.1,
      microBatchTokens: 4096,
      density: { model: policy, temperature: 1 },
      ...options,
    });
    const values = await readAll(copies);
    for (const copy of copies) copy.dispose();
    const [result] = await readCriticUpdates([update]);
    const { loss, positiveLogits, negativeLogits, penalty } = result!;
    const gradients = Float32Array.from(values.flatMap((value) => [...(value as Float32Array)]));
    return { loss, logits: [positiveLogits, negativeLogits], gradients, penalty };
  } finally {
    optimizer.dispose();
  }
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, relative = 1e-4): void {
  expect(actual.length).toBe(expected.length);
  const largest = Math.max(...Array.from(expected, Math.abs));
  const worst = Math.max(...Array.from(expected, (value, i) => Math.abs(actual[i]! - value)));
  expect(worst / largest).toBeLessThan(relative);
}

const CASES: readonly (readonly [string, CriticLossName, () => Critic])[] = [
  ['bce', 'bce', () => plain],
  ['bce of a shaped critic', 'bce', () => shaped],
  ['pairwise', 'pairwise', () => plain],
  ['wasserstein', 'wasserstein', () => plain],
];

describe("the critic's objectives", () => {
  it.each(CASES)('%s: loss and gradients do not depend on micro-batches, order or packing', async (_, loss, critic) => {
    const chosen = examples(granularityOf(loss));
    const whole = await gradientsOf(critic(), chosen, { loss });
    const cut = await gradientsOf(critic(), chosen, { loss, microBatchTokens: 60 });
    expect(cut.loss).toBeCloseTo(whole.loss, 4);
    expectClose(cut.gradients, whole.gradients);
    // Which points the penalty is taken at is drawn by place: without it the order has no effect.
    const bare = loss === 'wasserstein' ? { loss, penaltyWeight: 0 } : { loss };
    const before = loss === 'wasserstein' ? await gradientsOf(critic(), chosen, bare) : whole;
    const turned = await gradientsOf(
      critic(),
      { positives: [...chosen.positives].reverse(), negatives: [...chosen.negatives].reverse() },
      bare,
    );
    expect(turned.loss).toBeCloseTo(before.loss, 4);
    expectClose(turned.gradients, before.gradients);
  });

  it('bce of a shaped critic is that of f - log pi by segment, with both penalties, in float64', async () => {
    const chosen = examples({ granularity: 'interval', intervalTokens: 5 });
    const penalties = { potentialPenalty: 0.01, shapePenalty: 0.02 };
    const { loss, logits } = await gradientsOf(shaped, chosen, penalties);
    const side = async (records: TraceRecord[]): Promise<{ logits: number[]; penalty: number }> => {
      const values = await shaped.markValues(task, records, 4096);
      const logps = await recordLogProbs(policy, records, 4096, { temperature: 1 });
      const dense = records.map((record) => ({
        ...record,
        marks: Uint32Array.from(record.completionIds, (_, t) => t),
      }));
      // The potential of every token, from segments of one token each: shape = 0.9 h(t) - h(t - 1).
      const hidden = await hiddenPotentials(dense);
      let penalty = 0;
      const found = records.flatMap(({ segments, forced }, i) =>
        segments.map(({ start, end }, k) => {
          const { f, g, shape } = values[i]!;
          const [h0, h1] = [hidden[i]![start]!, hidden[i]![end + 1]!];
          expect(shape![k]!).toBeCloseTo(0.9 * h1 - h0, 4);
          expect(f[k]!).toBeCloseTo(g![k]! + shape![k]!, 5);
          penalty += (0.01 * (h0 ** 2 + h1 ** 2)) / 2 + 0.02 * shape![k]! ** 2;
          let logPi = 0;
          for (let t = start; t <= end; t++) if (!forced[t]) logPi += logps[i]![t]!;
          return f[k]! - logPi;
        }),
      );
      return { logits: found, penalty: penalty / found.length };
    };
    const [positive, negative] = [await side(chosen.positives), await side(chosen.negatives)];
    expectClose(logits[0], positive.logits);
    expectClose(logits[1], negative.logits);
    const expected =
      balancedBce(positive.logits, negative.logits, 0.1).loss + (positive.penalty + negative.penalty) / 2;
    expect(Math.abs(loss / expected - 1)).toBeLessThan(1e-4);
  });

  it('pairwise has the loss and the slopes of the float64 reference, prompt by prompt', async () => {
    const chosen = examples({ granularity: 'sparse' }, 3, 2);
    const { loss, logits } = await gradientsOf(plain, chosen, { loss: 'pairwise', margin: 0.3 });
    const prompts = [0, 1, 2].map((p) => pairwiseLoss([logits[0][p]!], logits[1].slice(2 * p, 2 * p + 2), 0.3));
    expect(loss).toBeCloseTo(prompts.reduce((sum, prompt) => sum + prompt.loss, 0) / 3, 5);
    // The gradient by the head's weights is the sum of slopes times hidden states: that of a linear surrogate.
    const { gradients } = await gradientsOf(plain, chosen, { loss: 'pairwise', margin: 0.3 });
    const slopes = new Map<TraceRecord, number>();
    prompts.forEach(({ gradExpert, gradPolicy }, p) => {
      slopes.set(chosen.positives[p]!, gradExpert[0]! / 3);
      gradPolicy.forEach((slope, j) => {
        slopes.set(chosen.negatives[2 * p + j]!, slope / 3);
      });
    });
    const sum = await surrogateGradient(plain, slopes);
    expectClose(gradients, sum);
  });

  it('pairwise draws as many negatives a prompt as asked for, others each time', async () => {
    const chosen = examples({ granularity: 'sparse' }, 2, 5);
    const losses = new Set<number>();
    for (let update = 0; update < 4; update++) {
      const options = { loss: 'pairwise', negativesPerPrompt: 1, draw: { seed: 1, update } } as const;
      losses.add((await gradientsOf(plain, chosen, options)).loss);
    }
    expect(losses.size).toBeGreaterThan(1);
  });

  it('refuses what a loss cannot tell apart', async () => {
    const { positives, negatives } = examples({ granularity: 'sparse' });
    const stranger = { ...negatives[0]!, promptId: 'another' };
    await expect(gradientsOf(plain, { positives, negatives: [stranger] }, { loss: 'pairwise' })).rejects.toThrow(
      /at least one prompt with an expert and a policy sample/,
    );
    await expect(gradientsOf(plain, examples({ granularity: 'step' }), { loss: 'pairwise' })).rejects.toThrow(/sparse/);
    await expect(gradientsOf(shaped, { positives, negatives }, { loss: 'pairwise' })).rejects.toThrow(
      /critic of kind plain for the loss pairwise/,
    );
    await expect(gradientsOf(plain, { positives, negatives: [stranger] }, { loss: 'wasserstein' })).rejects.toThrow(
      /gradient penalty/,
    );
    await expect(gradientsOf(plain, { positives, negatives: [] }, { loss: 'wasserstein' })).rejects.toThrow(/negative/);
  });
});

describe('composedHidden', () => {
  it('computes what the fused path does, for each sequence of a padded batch', async () => {
    const { positives, negatives } = examples({ granularity: 'sparse' });
    const traces = [...positives, ...negatives].slice(1, 4);
    const length = Math.max(...traces.map(({ promptIds, completionIds }) => promptIds.length + completionIds.length));
    const ids = new Uint32Array(traces.length * length);
    traces.forEach(({ promptIds, completionIds }, i) => {
      ids.set(promptIds, i * length);
      ids.set(completionIds, i * length + promptIds.length);
    });
    await scopeAsync(async () => {
      const x = policy.embed(Tensor.from(device, ids, [ids.length], 'u32'));
      const composed = composedHidden(policy, x, { sequences: traces.length, length });
      const [ours, theirs] = await readAll([composed, policy.hidden(packTraces(device, traces))]);
      let row = 0;
      traces.forEach(({ promptIds, completionIds }, i) => {
        const size = (promptIds.length + completionIds.length) * 16;
        expectClose(
          (ours as Float32Array).slice(i * length * 16, i * length * 16 + size),
          (theirs as Float32Array).slice(row, row + size),
          1e-5,
        );
        row += size;
      });
    });
  });
});

describe('composedHidden of other families', () => {
  it('has their norms of heads, windows and biases, and second derivatives by adapters', async () => {
    const { config } = policy;
    const adapted = DecoderModel.create(
      device,
      { ...config, modelType: 'qwen3', qkNorm: true, attentionBias: 'qkvo', layerWindows: [3, 0] },
      { trainable: false },
    );
    adapted.initialise(3);
    for (const name of adapted.base.names.filter((name) => /bias|_norm/.test(name))) {
      const size = adapted.base.get(name).size;
      adapted.base.set(
        name,
        Float32Array.from({ length: size }, (_, i) => 1 + Math.sin(i)),
      );
    }
    const { expert, negative, shorter } = pointOf({ granularity: 'sparse' });
    await scopeAsync(async () => {
      const ids = Uint32Array.from([...expert.promptIds, ...expert.completionIds]);
      const x = adapted.embed(Tensor.from(device, ids, [ids.length], 'u32'));
      const composed = composedHidden(adapted, x, { sequences: 1, length: ids.length });
      const [ours, theirs] = await readAll([composed, adapted.hidden(packTraces(device, [expert]))]);
      expectClose(ours as Float32Array, theirs as Float32Array, 1e-5);
    });
    const lora = { rank: 2, alpha: 4, targets: ['q_proj', 'down_proj'], seed: 1 };
    const critic = await Critic.copyOf(adapted, { lora });
    critic.head.parameters.set('score.weight', new Float32Array(16).fill(0.5));
    const set = critic.model.trainableParameters();
    const name = set.names.find((name) => name.includes('lora_B'))!;
    const loss = async (): Promise<number> =>
      scopeAsync(async () => {
        const { loss } = gradientPenalty(critic, task, [{ expert, negative, shorter, share: 0.4 }], 1);
        return (await read(loss))[0]!;
      });
    const gradient = await scopeAsync(async () => {
      accumulateGradients(critic.parameters(), () =>
        gradientPenalty(critic, task, [{ expert, negative, shorter, share: 0.4 }], 1),
      );
      return Float32Array.from((await read(set.gradient(name)!)) as Float32Array);
    });
    const length = Math.hypot(...gradient);
    const moved = async (by: number): Promise<number> => {
      set.set(
        name,
        gradient.map((value) => (by * value) / length),
      );
      return loss();
    };
    const slope = ((await moved(0.02)) - (await moved(-0.02))) / 0.04;
    expect(Math.abs(slope / length - 1)).toBeLessThan(0.03);
    critic.dispose();
    adapted.dispose();
  });
});

describe('the gradient penalty', () => {
  it('has the norm of the gradient by the embeddings of the completion, by finite differences', async () => {
    const { positives, negatives } = examples({ granularity: 'dense' }, 1, 1);
    const cut = (record: TraceRecord, length: number): TraceRecord => {
      return { ...record, completionIds: record.completionIds.slice(0, length), marks: record.marks.slice(0, length) };
    };
    const [expert, negative] = [cut(positives[0]!, 2), cut(negatives[0]!, 3)];
    const [loss, norm] = await scopeAsync(async () => {
      const term = gradientPenalty(plain, task, [{ expert, negative, shorter: expert, share: 0.3 }], 10);
      return [(await read(term.loss))[0]!, (await read(term.inputGradients))[0]!] as const;
    });
    expect(loss).toBeCloseTo(10 * (norm - 1) ** 2, 3);
    // F, the mean logit over both tokens, with each of their 2 x 16 numbers moved up and down: a sequence each.
    const slopes = await scopeAsync(async () => {
      const { model } = plain;
      const embed = async (record: TraceRecord): Promise<Float32Array> => {
        const ids = Uint32Array.from([...task.criticPromptIds(record.promptIds), ...record.completionIds.slice(0, 2)]);
        return (await read(model.embed(Tensor.from(device, ids, [ids.length], 'u32')))) as Float32Array;
      };
      const [e, n] = [await embed(expert), await embed(negative)];
      const prompt = expert.promptIds.length;
      const length = prompt + 2;
      const step = 1e-2;
      const x = Float32Array.from({ length: 64 * length * 16 }, (_, i) => {
        const [sequence, place] = [Math.floor(i / (length * 16)), i % (length * 16)];
        const moved = prompt * 16 + (sequence >> 1) === place ? (sequence % 2 === 0 ? step : -step) : 0;
        return 0.3 * e[place]! + 0.7 * n[place]! + moved;
      });
      const hidden = composedHidden(model, Tensor.from(device, x, [64 * length, 16]), { sequences: 64, length });
      const logits = (await read(plain.readPlain(hidden))) as Float32Array;
      const value = (sequence: number): number =>
        (logits[sequence * length + prompt]! + logits[sequence * length + prompt + 1]!) / 2;
      return Array.from({ length: 32 }, (_, i) => (value(2 * i) - value(2 * i + 1)) / (2 * step));
    });
    expect(Math.hypot(...slopes) / norm).toBeCloseTo(1, 2);
  });

  it('is differentiated right by the weights: second derivatives against finite differences', async () => {
    const at = pointOf({ granularity: 'interval', intervalTokens: 4 });
    const sets = plain.parameters();
    const gradientOf = async (name: string): Promise<Float32Array> => {
      const set = holder(sets, name);
      return scopeAsync(async () => {
        accumulateGradients(sets, () => gradientPenalty(plain, task, [at], 1));
        const copy = Float32Array.from((await read(set.gradient(name)!)) as Float32Array);
        // A step of rate 0 clears the gradients.
        const optimizer = createOptimizer(sets, { ...optim, weightDecay: 0 });
        optimizer.step(0);
        optimizer.dispose();
        return copy;
      });
    };
    const lossOf = async (): Promise<number> =>
      scopeAsync(async () => (await read(gradientPenalty(plain, task, [at], 1).loss))[0]!);
    for (const name of [
      'score.weight',
      'model.layers.0.self_attn.q_proj.weight',
      'model.layers.1.mlp.down_proj.weight',
      'model.layers.0.input_layernorm.weight',
    ]) {
      const set = holder(sets, name);
      const gradient = await gradientOf(name);
      const held = Float32Array.from((await read(set.get(name))) as Float32Array);
      // Along the gradient itself, where the change is largest.
      const length = Math.hypot(...gradient);
      expect(length).toBeGreaterThan(1e-5);
      const step = 1e-2 * Math.hypot(...held);
      const moved = async (by: number): Promise<number> => {
        set.set(
          name,
          held.map((value, i) => value + (by * gradient[i]!) / length),
        );
        return lossOf();
      };
      const slope = ((await moved(step)) - (await moved(-step))) / (2 * step);
      set.set(name, held);
      expect(Math.abs(slope / length - 1), `${name}: ${slope} for ${length}`).toBeLessThan(0.03);
    }
  });

  it('holds the critic to a slope near 1, where without it its logits run apart', async () => {
    const chosen = examples({ granularity: 'sparse' }, 1, 1);
    const gaps: number[] = [];
    const slopes: number[] = [];
    for (const penaltyWeight of [0, 10]) {
      const critic = await Critic.copyOf(policy);
      const optimizer = createOptimizer(critic.parameters(), { ...optim, weightDecay: 0 });
      for (let update = 0; update < 15; update++) {
        const step = criticUpdate(critic, optimizer, task, chosen, {
          lr: 1e-2,
          labelSmoothing: 0,
          microBatchTokens: 4096,
          loss: 'wasserstein',
          penaltyWeight,
          draw: { seed: 1, update },
        });
        const [result] = await readCriticUpdates([step]);
        const { loss, penalty = 0, inputGradient } = result!;
        gaps.push(penalty - loss);
        if (update >= 11 && inputGradient !== undefined) slopes.push(inputGradient);
      }
      optimizer.dispose();
      critic.dispose();
    }
    expect(gaps[14]).toBeGreaterThan(3);
    expect(gaps[29]).toBeLessThan(1.5);
    const slope = slopes.reduce((sum, value) => sum + value, 0) / 4;
    expect(slope).toBeGreaterThan(0.6);
    expect(slope).toBeLessThan(1.6);
  });
});

/** h before the first completion token and at each, by a head that reads the potential as if it were the reward. */
async function hiddenPotentials(records: TraceRecord[]): Promise<number[][]> {
  const head = new ShapedHead(device, 16);
  head.parameters.set('reward.weight', (await read(shaped.head.parameters.get('potential.weight'))) as Float32Array);
  const probe = new Critic(shaped.model, head);
  const shifted = records.map((record): TraceRecord => {
    const prompt = task.criticPromptIds(record.promptIds);
    const ids = Uint32Array.from([prompt.at(-1)!, ...record.completionIds]);
    const marks = Uint32Array.from(ids, (_, t) => t);
    return { ...record, promptIds: prompt.slice(0, -1), completionIds: ids, marks, segments: [] };
  });
  const values = await probe.markValues({ ...task, criticPromptIds: (promptIds) => promptIds }, shifted, 4096);
  head.dispose();
  return values.map(({ g }) => Array.from(g!));
}

function holder(sets: readonly Parameters[], name: string): Parameters {
  return sets.find((set) => set.has(name))!;
}

/** The gradient of sum over records of slope x logit at the last token, record by record. */
async function surrogateGradient(critic: Critic, slopes: ReadonlyMap<TraceRecord, number>): Promise<Float32Array> {
  const sets = critic.parameters();
  for (const [record, slope] of slopes) {
    scope(() => {
      accumulateGradients(sets, () => {
        const batch = packTraces(device, [criticTrace(task, record)]);
        const { f } = critic.values(batch, [record], [record.promptIds.length]);
        return { loss: f.slice(0, batch.rows - 1, batch.rows).multiply(slope) };
      });
    });
  }
  const values = await readAll(sets.flatMap(({ arenas }) => arenas.map(({ gradients }) => gradients!)));
  const optimizer = createOptimizer(sets, { ...optim, weightDecay: 0 });
  optimizer.step(0);
  optimizer.dispose();
  return Float32Array.from(values.flatMap((value) => [...(value as Float32Array)]));
}
