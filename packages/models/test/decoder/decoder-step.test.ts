import { accumulateGradients, type Parameters } from '@dawngrad/autograd';
import { DecoderModel, packSequences, parseDecoderConfig, tokenLogProbs } from '@dawngrad/models';
import { type Device, multiply, read, scopeAsync, sum, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { LoadOptions } from '../../src/decoder/decoder-model.ts';
import { WeightIndex } from '../../src/io/weight-index.ts';
import { referenceLogProbs } from './decoder-reference.ts';
import { type ReferenceStep, referenceStep } from './decoder-reference-step.ts';
import {
  checkpointFiles,
  SMALL_CHECKPOINTS,
  type Storage,
  type StoredWeight,
  smallWeights,
} from './small-checkpoints.ts';

/** Lengths from one token (which has no next one and no loss) to several tiles of the attention kernels. */
const LENGTHS = [7, 1, 33, 2, 18];

function sequencesOf(vocabSize: number): number[][] {
  return LENGTHS.map((length, s) => Array.from({ length }, (_, i) => (i * i * 5 + s * 11 + 3) % vocabSize));
}

function float64(stored: ReadonlyMap<string, StoredWeight>): Map<string, Float64Array> {
  return new Map([...stored].map(([name, { values }]) => [name, Float64Array.from(values)]));
}

// Older lavapipe compiles a kernel for up to a minute the first time it meets it.
vi.setConfig({ testTimeout: 300_000 });

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** The weight of each row in minus the mean log-probability of all tokens but the first of each sequence. */
function lossMask(sequences: readonly (readonly number[])[]): number[] {
  const count = sequences.reduce((total, ids) => total + ids.length - 1, 0);
  return sequences.flatMap((ids) => ids.map((_id, t) => (t + 1 < ids.length ? -1 / count : 0)));
}

/** The loss, and gradients added to those of `trained`. */
async function lossOf(model: DecoderModel, trained: Parameters, sequences: readonly number[][]): Promise<number> {
  return scopeAsync(async () => {
    const batch = packSequences(device, sequences);
    const weighting = Tensor.from(device, lossMask(sequences), [batch.rows]);
    const { loss } = accumulateGradients([trained], () => ({
      loss: sum(multiply(tokenLogProbs(model, batch).logp, weighting)),
    }));
    return (await read(loss))[0]!;
  });
}

/** Largest error by the largest gradient, which must not be 0. */
function worstError(actual: ArrayLike<number>, wanted: Float64Array): number {
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(largest).toBeGreaterThan(0);
  expect(actual.length).toBe(wanted.length);
  return wanted.reduce((most, value, i) => Math.max(most, Math.abs(actual[i]! - value)), 0) / largest;
}

describe.each(SMALL_CHECKPOINTS)('the float64 training step, %s', (_, json) => {
  it('has the loss and the gradient of an independent forward by central differences', () => {
    const config = parseDecoderConfig(JSON.stringify(json));
    const weights = float64(smallWeights(json));
    const few = sequencesOf(json.vocab_size).filter(({ length }) => length < 10);
    const count = few.reduce((total, ids) => total + ids.length - 1, 0);
    const loss = (): number =>
      -few.flatMap((ids) => referenceLogProbs(config, weights, ids)).reduce((a, b) => a + b, 0) / count;
    const step = referenceStep(config, weights, few);
    expect(Math.abs(step.loss - loss())).toBeLessThan(1e-12);
    for (const [name, values] of weights) {
      for (const i of [0, Math.floor(values.length / 2), values.length - 1]) {
        const kept = values[i]!;
        values[i] = kept + 1e-5;
        const above = loss();
        values[i] = kept - 1e-5;
        const below = loss();
        values[i] = kept;
        expect(Math.abs(step.gradients.get(name)![i]! - (above - below) / 2e-5), `${name}[${i}]`).toBeLessThan(1e-7);
      }
    }
  });
});

describe.each(SMALL_CHECKPOINTS)('a training step, %s', (_, json) => {
  const config = parseDecoderConfig(JSON.stringify(json));
  const stored = smallWeights(json);
  const sequences = sequencesOf(json.vocab_size);
  let expected: ReferenceStep | undefined;
  const load = async (storage: Storage, options: LoadOptions): Promise<DecoderModel> => {
    const weights = await WeightIndex.open(checkpointFiles(stored, storage));
    return DecoderModel.load(device, { config, weights }, options);
  };

  it.each([false, true])('has the loss and every gradient of the float64 one; blocks recomputed: %s', async (again) => {
    const model = await load({ dtype: 'BF16', shards: 2 }, { trainable: true });
    model.recomputesBlocks = again;
    expect([...model.base.names].sort()).toEqual([...stored.keys()].sort());
    expected ??= referenceStep(config, float64(stored), sequences);
    expect(Math.abs((await lossOf(model, model.base, sequences)) - expected.loss)).toBeLessThan(1e-5 * expected.loss);
    for (const name of model.base.names) {
      const error = worstError(await read(model.base.gradient(name)!), expected.gradients.get(name)!);
      expect(error, `${name}: largest error by the largest gradient`).toBeLessThan(2e-5);
    }
    model.dispose();
  });

  it.each([
    { dtype: 'F16', shards: 1 },
    { dtype: 'BF16', shards: 3 },
  ] as const)('has the gradients of adapters on a frozen base in $dtype', async (storage) => {
    const model = await load(storage, { trainable: false, format: 'stored' });
    const options = { rank: 3, alpha: 6, targets: ['q_proj', 'v_proj', 'o_proj', 'gate_proj', 'down_proj'], seed: 5 };
    const adapters = model.attachAdapters(options);
    // W + s B A in float64, and from its gradient: dA = s B^T dW, dB = s dW A^T.
    const scale = options.alpha / options.rank;
    const merged = float64(stored);
    const parts: { linear: string; a: Float64Array; b: Float64Array; rows: number; columns: number }[] = [];
    for (const nameA of adapters.parameters.names.filter((name) => name.endsWith('lora_A.weight'))) {
      const linear = nameA.slice(0, -'.lora_A.weight'.length);
      const nameB = `${linear}.lora_B.weight`;
      const [rows, columns] = stored.get(`${linear}.weight`)!.shape as [number, number];
      const b = Float32Array.from({ length: rows * options.rank }, (_v, i) => Math.sin(7 * i + parts.length) * 0.2);
      adapters.parameters.set(nameB, b);
      const a = Float64Array.from(await read(adapters.parameters.get(nameA)));
      parts.push({ linear, a, b: Float64Array.from(b), rows, columns });
      const w = merged.get(`${linear}.weight`)!;
      w.forEach((value, i) => {
        let delta = 0;
        for (let r = 0; r < options.rank; r++) {
          delta += b[Math.floor(i / columns) * options.rank + r]! * a[r * columns + (i % columns)]!;
        }
        w[i] = value + scale * delta;
      });
    }
    expect(parts.length).toBe(options.targets.length * config.numHiddenLayers);
    const expected = referenceStep(config, merged, sequences);
    const loss = await lossOf(model, adapters.parameters, sequences);
    expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-5 * expected.loss);
    for (const { linear, a, b, rows, columns } of parts) {
      const dW = expected.gradients.get(`${linear}.weight`)!;
      const dA = new Float64Array(a.length);
      const dB = new Float64Array(b.length);
      for (let o = 0; o < rows; o++) {
        for (let i = 0; i < columns; i++) {
          for (let r = 0; r < options.rank; r++) {
            dA[r * columns + i]! += scale * b[o * options.rank + r]! * dW[o * columns + i]!;
            dB[o * options.rank + r]! += scale * dW[o * columns + i]! * a[r * columns + i]!;
          }
        }
      }
      for (const [part, wanted] of [
        ['lora_A', dA],
        ['lora_B', dB],
      ] as const) {
        const name = `${linear}.${part}.weight`;
        const error = worstError(await read(adapters.parameters.gradient(name)!), wanted);
        expect(error, `${name}: largest error by the largest gradient`).toBeLessThan(2e-5);
      }
    }
    model.dispose();
  });
});
