import { type Device, read, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DecoderModel } from '../../src/decoder/decoder-model.ts';
import { widenBf16, widenF16 } from '../../src/io/float-formats.ts';
import { memoryFiles } from '../../src/io/memory-files.ts';
import { type OpenModel, openModel } from '../../src/io/open-model.ts';
import { type FloatDType, sourceChunks, sourceDType, type TensorSource } from '../../src/io/tensor-source.ts';
import { tokenLogProbs } from '../../src/nn/log-probs.ts';
import { packSequences } from '../../src/nn/packed-batch.ts';
import { adapterUpdates, mergedTensors, mergeRows } from '../../src/peft/merge-adapter.ts';
import { joinBytes } from '../io/make-safetensors.ts';
import {
  type StoredTensor,
  safetensorsOf,
  stored,
  type TinyOptions,
  tinyCheckpoint,
  values,
} from '../io/tiny-checkpoint.ts';
import { PREFIX, type TinyAdapterOptions, tinyAdapter, tinyBase } from './tiny-adapter.ts';

const Q = 'model.layers.0.self_attn.q_proj.weight';

const open = (adapter: TinyAdapterOptions = {}, base: TinyOptions = {}): Promise<OpenModel> =>
  openModel(memoryFiles('adapter', tinyAdapter(adapter)), { openBase: async () => tinyBase(base) });

function merge({ config, weights, adapter }: OpenModel, dtype?: FloatDType): TensorSource[] {
  return mergedTensors(config, weights, adapterUpdates(adapter!, config, weights), dtype);
}

async function contentOf(source: TensorSource): Promise<StoredTensor> {
  const parts: Uint8Array[] = [];
  for await (const bytes of sourceChunks(source)) parts.push(bytes.slice());
  return { dtype: sourceDType(source), shape: source.shape, bytes: joinBytes(...parts) };
}

async function contentsOf(sources: readonly TensorSource[]): Promise<Map<string, StoredTensor>> {
  const found = new Map<string, StoredTensor>();
  for (const source of sources) found.set(source.name, await contentOf(source));
  return found;
}

/** W + scale B A of a linear, each element by itself. */
async function expected(model: OpenModel, name: string, scale: number): Promise<number[]> {
  const { file, factors } = model.adapter!;
  const { a, b } = factors.get(name.slice(0, -'.weight'.length))!;
  const [out, width] = model.weights.entry(name).shape as [number, number];
  const rank = file.entry(a).shape[0]!;
  const [w, low, high] = [await model.weights.readF32(name), await file.readF32(a), await file.readF32(b)];
  return Array.from({ length: out * width }, (_, at) => {
    const [o, i] = [Math.floor(at / width), at % width];
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += high[o * rank + r]! * low[r * width + i]!;
    return w[at]! + scale * sum;
  });
}

describe('mergedTensors', () => {
  it.each([
    [{}, 3],
    [{ config: { use_rslora: true } }, 6 / Math.SQRT2],
    [{ config: { alpha_pattern: { q_proj: 5 } } }, 2.5],
    [{ config: { rank_pattern: { '.*_proj': 4 }, lora_alpha: 12, r: 2 }, rank: 4 }, 3],
  ] as readonly (readonly [TinyAdapterOptions, number])[])(
    'adds scale B A with the scale of %j',
    async (options, scale) => {
      const model = await open(options);
      const merged = (await contentsOf(merge(model))).get(Q)!;
      const wanted = await expected(model, Q, scale);
      [...new Float32Array(merged.bytes.slice().buffer)].forEach((value, i) => {
        expect(Math.abs(value - wanted[i]!)).toBeLessThanOrEqual(2 ** -24 * Math.max(Math.abs(wanted[i]!), 2 ** -20));
      });
    },
  );

  it.each(['F32', 'F16', 'BF16'] as const)(
    'leaves every byte of other weights in %s, and gives equal bytes again',
    async (dtype) => {
      const model = await open({}, { dtype });
      const merged = await contentsOf(merge(model));
      expect([...merged.keys()]).toEqual(model.weights.names);
      expect(await contentsOf(merge(await open({}, { dtype })))).toEqual(merged);
      for (const [name, { dtype: own, bytes }] of merged) {
        expect(own).toBe(dtype);
        const before: Uint8Array[] = [];
        for await (const chunk of model.weights.readChunks(name)) before.push(chunk.bytes);
        const isSame = Buffer.compare(joinBytes(...before), bytes) === 0;
        expect(isSame, name).toBe(!/q_proj|v_proj|down_proj/.test(name));
      }
    },
  );

  it('converts all weights to the type asked for, but not what is no weight of the model', async () => {
    const name = 'model.layers.0.self_attn.rotary_emb.inv_freq';
    const model = await open({}, { change: (weights) => weights.set(name, stored([2], values(2, 1))) });
    const merged = await contentsOf(merge(model, 'BF16'));
    for (const [key, { dtype }] of merged) expect(dtype).toBe(key === name ? 'F32' : 'BF16');
  });

  it('merges a module that was saved whole by taking it, and an adapter of the output matrix', async () => {
    const head = values(48, 3);
    const saved = await open({
      config: { modules_to_save: ['lm_head'] },
      change: (tensors) => tensors.set(`${PREFIX}lm_head.weight`, stored([6, 8], head)),
    });
    expect((await contentsOf(merge(saved))).get('lm_head.weight')!.bytes).toEqual(new Uint8Array(head.buffer));
    const adapted = await open({
      config: { target_modules: ['q_proj', 'v_proj', 'down_proj', 'lm_head'] },
      change: (tensors) =>
        tensors
          .set(`${PREFIX}lm_head.lora_A.weight`, stored([2, 8], values(16, 3)))
          .set(`${PREFIX}lm_head.lora_B.weight`, stored([6, 2], values(12, 4))),
    });
    const merged = (await contentsOf(merge(adapted))).get('lm_head.weight')!;
    const wanted = await expected(adapted, 'lm_head.weight', 3);
    expect([...new Float32Array(merged.bytes.slice().buffer)]).toEqual([...Float32Array.from(wanted)]);
  });

  it('refuses weights that are not finite', async () => {
    const model = await open({
      change: (t) =>
        t.set(
          `${PREFIX}model.layers.0.self_attn.q_proj.lora_B.weight`,
          stored([8, 2], new Float32Array(16).fill(Number.NaN)),
        ),
    });
    await expect(contentsOf(merge(model))).rejects.toThrow(`merging ${Q}: expected finite weights, got NaN in row 0`);
  });
});

describe('mergeRows', () => {
  it.each(['F16', 'BF16'] as const)('rounds the exact sum once to the nearest %s, ties to even', async (dtype) => {
    // Exact in f64, a hair off the middle between two values of the type: rounding to f32 first would make it a tie.
    const step = dtype === 'F16' ? 2 ** -10 : 2 ** -7;
    const hair = 2 ** -30;
    const cases: [number, number][] = [
      [step / 2 + hair, 1 + step],
      [step / 2 - hair, 1],
      [step / 2, 1],
      [1.5 * step - hair, 1 + step],
      [1.5 * step + hair, 1 + 2 * step],
      [1.5 * step, 1 + 2 * step],
    ];
    for (const sign of [1, -1]) {
      const update = {
        rank: 2,
        scale: sign,
        a: Float32Array.from([
          ...cases.map(([add]) => Math.fround(add)),
          ...cases.map(([add]) => add - Math.fround(add)),
        ]),
        b: Float32Array.of(1, 1),
      };
      const chunk = { start: 0, data: new Float32Array(cases.length).fill(sign) };
      const source: TensorSource = {
        name: 'w',
        dtype,
        shape: [cases.length],
        read: async () => mergeRows(chunk, cases.length, update, dtype),
      };
      const words = new Uint16Array((await contentOf(source)).bytes.slice().buffer);
      const out = new Float32Array(words.length);
      (dtype === 'F16' ? widenF16 : widenBf16)(words, out);
      expect([...out]).toEqual(cases.map(([, value]) => sign * value));
    }
  });

  it('gives the same whatever pieces a matrix is read in', () => {
    const width = 7;
    const update = { rank: 3, scale: 0.7, a: values(21, 1), b: values(15, 2) };
    const data = values(35, 3);
    const whole = mergeRows({ start: 0, data }, width, update, 'BF16');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 35 }), (step) => {
        for (let start = 0; start < 35; start += step) {
          const piece = data.slice(start, start + step);
          expect(mergeRows({ start, data: piece }, width, update, 'BF16')).toEqual(whole.slice(start, start + step));
        }
      }),
    );
  });
});

describe('a model with an adapter', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.close());

  const logProbs = (model: DecoderModel): Promise<Float32Array> =>
    scopeAsync(async () => {
      const batch = packSequences(device, [
        [0, 2, 3, 4, 5, 1],
        [5, 5, 2],
      ]);
      return (await read(tokenLogProbs(model, batch).logp)) as Float32Array;
    });

  it.each([
    ['plain', {}],
    [
      'rank-stabilised, of ranks by pattern',
      { rank: 4, config: { use_rslora: true, rank_pattern: { '.*_proj': 4 }, r: 64 } },
    ],
  ] as readonly (readonly [string, TinyAdapterOptions])[])(
    'that is %s says what the merged model says',
    async (_, options) => {
      const opened = await open(options);
      const adapted = await DecoderModel.load(device, opened, { trainable: false });
      const files = tinyCheckpoint();
      files.set('model.safetensors', safetensorsOf(await contentsOf(merge(opened))));
      const merged = await DecoderModel.load(device, await openModel(memoryFiles('merged', files)), {
        trainable: false,
      });
      const base = await DecoderModel.load(device, await openModel(tinyBase()), { trainable: false });
      const [a, m, b] = [await logProbs(adapted), await logProbs(merged), await logProbs(base)];
      a.forEach((value, i) => {
        expect(Math.abs(value - m[i]!)).toBeLessThan(1e-5);
      });
      expect(Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))).toBeGreaterThan(1e-3);
      for (const model of [adapted, merged, base]) model.dispose();
    },
  );

  it('is no start for training, and one with an adapter of the output matrix is to be merged first', async () => {
    const opened = await open();
    await expect(DecoderModel.load(device, opened, { trainable: true })).rejects.toThrow('dawngrad merge');
    const model = await DecoderModel.load(device, opened, { trainable: false });
    expect(() => model.attachAdapters({ rank: 1, alpha: 1, targets: ['q_proj'], seed: 1 })).toThrow('dawngrad merge');
    model.dispose();
    const head = await open({
      config: { target_modules: ['q_proj', 'v_proj', 'down_proj', 'lm_head'] },
      change: (tensors) =>
        tensors
          .set(`${PREFIX}lm_head.lora_A.weight`, stored([2, 8], values(16, 3)))
          .set(`${PREFIX}lm_head.lora_B.weight`, stored([6, 2], values(12, 4))),
    });
    await expect(DecoderModel.load(device, head, { trainable: false })).rejects.toThrow('one of lm_head');
  });
});
