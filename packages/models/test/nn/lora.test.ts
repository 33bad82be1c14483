import { Adamw, accumulateGradients } from '@dawngrad/autograd';
import { type Device, negate, read, scopeAsync, sum, withObserver } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DecoderModel } from '../../src/decoder/decoder-model.ts';
import { tokenLogProbs } from '../../src/nn/log-probs.ts';
import type { LoraOptions } from '../../src/nn/lora.ts';
import { packSequences } from '../../src/nn/packed-batch.ts';
import { tinyModel } from '../generate/tiny-model.ts';

const OPTIONS: LoraOptions = { rank: 3, alpha: 12, targets: ['q_proj', 'v_proj', 'down_proj'], seed: 9 };
const SEQUENCES = [
  [1, 5, 9, 2, 30, 36, 0],
  [4, 4, 4],
];

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const logProbs = (model: DecoderModel, adapters: boolean): Promise<Float32Array> =>
  scopeAsync(
    async () => (await read(tokenLogProbs(model, packSequences(device, SEQUENCES), { adapters }).logp)) as Float32Array,
  );

/** A model with adapters whose second factors are not zero. */
function adapted(): DecoderModel {
  const model = tinyModel(device);
  const { parameters } = model.attachAdapters(OPTIONS);
  for (const name of parameters.names.filter((item) => item.includes('lora_B')))
    parameters.set(
      name,
      Float32Array.from({ length: parameters.get(name).size }, (_, i) => Math.sin(i * 1.7 + name.length) * 0.2),
    );
  return model;
}

describe('LoRA adapters', () => {
  it('give what the base gives with (alpha / rank) B A added to its weights', async () => {
    const model = adapted();
    const { parameters } = model.adapters!;
    const merged = tinyModel(device);
    for (const [name, shape] of model.linears()) {
      if (!model.adapters!.has(name)) continue;
      const [out, width] = shape as [number, number];
      const [a, b] = [
        await read(parameters.get(`${name}.lora_A.weight`)),
        await read(parameters.get(`${name}.lora_B.weight`)),
      ];
      const weight = Float32Array.from(await read(model.base.get(`${name}.weight`)));
      for (let o = 0; o < out; o++)
        for (let i = 0; i < width; i++)
          for (let r = 0; r < OPTIONS.rank; r++)
            weight[o * width + i]! += (OPTIONS.alpha / OPTIONS.rank) * b[o * OPTIONS.rank + r]! * a[r * width + i]!;
      merged.base.set(`${name}.weight`, weight);
    }
    const [expected, actual, plain] = [
      await logProbs(merged, false),
      await logProbs(model, true),
      await logProbs(model, false),
    ];
    actual.forEach((value, n) => {
      expect(value).toBeCloseTo(expected[n]!, 4);
    });
    expect(Math.max(...actual.map((value, n) => Math.abs(value - plain[n]!)))).toBeGreaterThan(1e-3);
    model.dispose();
    merged.dispose();
  });

  it('are added in place for a few rows without a tape, in two launches a result, to the same values', async () => {
    const model = adapted();
    const counted = async (watched: boolean): Promise<{ values: Float32Array; dispatches: number }> =>
      scopeAsync(async () => {
        const before = device.counters.dispatches;
        const batch = packSequences(device, SEQUENCES);
        const states = watched
          ? withObserver({ onApply: () => undefined }, () => model.hidden(batch))
          : model.hidden(batch);
        const { dispatches } = device.counters;
        return { values: (await read(states)) as Float32Array, dispatches: dispatches - before };
      });
    const [ops, inPlace] = [await counted(true), await counted(false)];
    if (device.adapterClass === 'cpu') expect(inPlace.values).toEqual(ops.values);
    inPlace.values.forEach((value, i) => {
      expect(value).toBeCloseTo(ops.values[i]!, 4);
    });
    // For q, v and the down projection of a layer: 2 deltas of 3 launches, zeros for k, a concatenation and an
    // addition, and a delta and an addition; against 2 launches each.
    expect(ops.dispatches - inPlace.dispatches).toBe(model.config.numHiddenLayers * (2 * 3 + 3 + 3 + 1 - 4));
    model.dispose();
  });

  it('have two factors for each linear of the targets in every layer, and no other', () => {
    const model = adapted();
    const { parameters } = model.adapters!;
    const linears = [...model.linears()].filter(([name]) => OPTIONS.targets.includes(name.split('.').pop()!));
    expect(linears).toHaveLength(3 * model.config.numHiddenLayers);
    expect([...parameters.names].sort()).toEqual(
      linears.flatMap(([name]) => [`${name}.lora_A.weight`, `${name}.lora_B.weight`]).sort(),
    );
    for (const [name, [out, width]] of linears) {
      expect(parameters.get(`${name}.lora_A.weight`).shape).toEqual([3, width]);
      expect(parameters.get(`${name}.lora_B.weight`).shape).toEqual([out, 3]);
    }
    expect(model.trainableParameters()).toBe(parameters);
    model.dispose();
  });

  it('learn while the base stays as it is', async () => {
    const model = adapted();
    const { parameters } = model.adapters!;
    const base = await read(model.base.arenas[0]!.values);
    const optimizer = new Adamw(model.trainableParameters(), {});
    const losses: number[] = [];
    for (let i = 0; i < 8; i++)
      losses.push(
        await scopeAsync(async () => {
          const batch = packSequences(device, SEQUENCES);
          const { loss } = accumulateGradients([parameters], () => ({
            loss: sum(negate(tokenLogProbs(model, batch).logp)),
          }));
          optimizer.step(0.02);
          return (await read(loss))[0]!;
        }),
      );
    expect(losses[7]!).toBeLessThan(losses[0]! - 1);
    expect(await read(model.base.arenas[0]!.values)).toEqual(base);
    optimizer.dispose();
    model.dispose();
  });
});
