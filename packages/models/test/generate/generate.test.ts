import { type Device, read, scopeAsync, ToolError } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DecoderModel } from '../../src/decoder/decoder-model.ts';
import {
  type GeneratedSample,
  type GeneratedToken,
  type GenerateOptions,
  type GenerateRequest,
  generate,
} from '../../src/generate/generate.ts';
import { tokenLogProbs } from '../../src/nn/log-probs.ts';
import { packSequences } from '../../src/nn/packed-batch.ts';
import { tinyModel } from './tiny-model.ts';

let device: Device;
let model: DecoderModel;
beforeAll(async () => {
  device = await openDevice();
});
beforeEach(() => {
  model = tinyModel(device);
});
afterEach(() => model.dispose());
afterAll(() => device.close());

const OPTIONS: GenerateOptions = {
  maxNewTokens: 13,
  settings: { temperature: 1, topK: 0, topP: 1, minP: 0 },
  seed: 11,
  stream: 5,
  stopIds: [],
};

/** `count` prompts of 1, 2, ... 9 tokens over and over, each with rows of its own. */
function requests(count: number, samples: number): GenerateRequest[] {
  return Array.from({ length: count }, (_, r) => ({
    promptIds: Uint32Array.from({ length: 1 + (r % 9) }, (_, i) => (r * 7 + i * 3 + 1) % 37),
    samples,
    firstSampleId: 100 + r * samples,
  }));
}

const ids = (samples: readonly GeneratedSample[]) => samples.map((sample) => [...sample.ids]);

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

/** On a CPU all sums have one order, whatever the number of rows; a GPU splits the sums of a handful of rows. */
function expectSameLogps(a: Float32Array, b: Float32Array): void {
  if (device.adapterClass === 'cpu') expect([...a]).toEqual([...b]);
  else expect(largestDifference(a, b)).toBeLessThan(1e-5);
}

/** The training path's log-probabilities of the completions. */
async function trainingLogProbs(
  asked: readonly GenerateRequest[],
  samples: readonly GeneratedSample[],
  temperature: number,
): Promise<Float32Array[]> {
  return scopeAsync(async () => {
    const prompts = samples.map((sample) => asked[sample.request]!.promptIds);
    const batch = packSequences(
      device,
      samples.map((sample, i) => [...prompts[i]!, ...sample.ids]),
    );
    const logp = (await read(tokenLogProbs(model, batch, { temperature }).logp)) as Float32Array;
    return samples.map((sample, i) => {
      const first = batch.starts[i]! + prompts[i]!.length - 1;
      return logp.slice(first, first + sample.ids.length);
    });
  });
}

describe('generate', () => {
  it('gives each sample the same tokens alone as in a batch', async () => {
    const asked = requests(11, 3);
    const together = await generate(model, asked, OPTIONS);
    expect(together.map(({ request, sample }) => [request, sample])).toEqual(
      asked.flatMap((_, r) => [0, 1, 2].map((j) => [r, j])),
    );
    for (const index of [0, 4, 17, 32]) {
      const { request, sample, ids: expected, logps } = together[index]!;
      const { promptIds, firstSampleId } = asked[request]!;
      const alone = await generate(model, [{ promptIds, samples: 1, firstSampleId: firstSampleId + sample }], OPTIONS);
      expect([...alone[0]!.ids]).toEqual([...expected]);
      expectSameLogps(alone[0]!.logps, logps);
    }
  });

  it('gives the same samples for any number of slots and any block of steps', async () => {
    const asked = requests(10, 4);
    const options = { ...OPTIONS, stopIds: [3, 9, 20] };
    const expected = await generate(model, asked, options);
    // Some end early, so that slots are refilled and the batch is compacted.
    expect(new Set(expected.map((sample) => sample.ids.length)).size).toBeGreaterThan(4);
    for (const [slots, blockSteps] of [
      [1, 13],
      [7, 1],
      [16, 3],
      [33, 5],
    ] as const) {
      const got = await generate(model, asked, { ...options, slots, blockSteps });
      expect(ids(got)).toEqual(ids(expected));
      got.forEach((sample, i) => {
        expectSameLogps(sample.logps, expected[i]!.logps);
      });
    }
  });

  it('draws other tokens for another seed, stream or row id', async () => {
    const [request] = requests(1, 1);
    const base = ids(await generate(model, [request!], OPTIONS));
    expect(ids(await generate(model, [request!], { ...OPTIONS, seed: 12 }))).not.toEqual(base);
    expect(ids(await generate(model, [request!], { ...OPTIONS, stream: 6 }))).not.toEqual(base);
    expect(ids(await generate(model, [{ ...request!, firstSampleId: 7 }], OPTIONS))).not.toEqual(base);
    expect(ids(await generate(model, [request!], OPTIONS))).toEqual(base);
  });

  it.each([0.6, 1, 1.7])(
    'reports the log-probabilities of the training path at temperature %d',
    async (temperature) => {
      const asked = requests(9, 2);
      const settings = { temperature, topK: 12, topP: 0.9, minP: 0.01 };
      const samples = await generate(model, asked, { ...OPTIONS, settings, stopIds: [3] });
      const expected = await trainingLogProbs(asked, samples, temperature);
      const errors = samples.map((sample, i) => largestDifference(sample.logps, expected[i]!));
      expect(Math.max(...errors)).toBeLessThan(1e-5);
    },
  );

  it('uses the adapters unless told not to', async () => {
    const asked = requests(4, 1);
    const settings = { ...OPTIONS.settings, temperature: 0 };
    const plain = await generate(model, asked, { ...OPTIONS, settings });
    const adapters = model.attachAdapters({ rank: 2, alpha: 4, targets: ['q_proj', 'down_proj'], seed: 1 });
    for (const name of adapters.parameters.names) {
      const { shape } = adapters.parameters.spec(name);
      adapters.parameters.set(name, new Float32Array(shape[0]! * shape[1]!).fill(0.3));
    }
    const adapted = await generate(model, asked, { ...OPTIONS, settings });
    expect(ids(adapted)).not.toEqual(ids(plain));
    const expected = await trainingLogProbs(asked, adapted, 1);
    expect(Math.max(...adapted.map((sample, i) => largestDifference(sample.logps, expected[i]!)))).toBeLessThan(1e-5);
    expect(ids(await generate(model, asked, { ...OPTIONS, settings, adapters: false }))).toEqual(ids(plain));
  });

  it('ends a completion with its first stop token', async () => {
    const asked = requests(12, 3);
    const free = await generate(model, asked, OPTIONS);
    const stops = [2, 5, 30];
    const stopped = await generate(model, asked, { ...OPTIONS, stopIds: stops });
    stopped.forEach((sample, i) => {
      const end = free[i]!.ids.findIndex((id) => stops.includes(id));
      expect([...sample.ids]).toEqual([...free[i]!.ids.slice(0, end < 0 ? undefined : end + 1)]);
      expect(sample.finish).toBe(end < 0 ? 'length' : 'stop');
      expect(sample.logps.length).toBe(sample.ids.length);
    });
    expect(new Set(stopped.map((sample) => sample.finish))).toEqual(new Set(['stop', 'length']));
  });

  it.each([1, 4])('lets the environment write tokens, read back every %d steps', async (blockSteps) => {
    const asked = requests(9, 3);
    // After a multiple of 3, the id before; counts on seeing the whole sequence so far.
    const environment = (tokens: Uint32Array, length: number) => {
      const last = tokens[length - 1]!;
      return last % 3 === 0 && last > 0 ? last - 1 : undefined;
    };
    const samples = await generate(model, asked, { ...OPTIONS, environment, blockSteps, slots: 10 });
    const expected = await trainingLogProbs(asked, samples, 1);
    let written = 0;
    samples.forEach((sample, i) => {
      const all = Uint32Array.from([...asked[sample.request]!.promptIds, ...sample.ids]);
      const first = all.length - sample.ids.length;
      sample.ids.forEach((id, t) => {
        const forced = environment(all, first + t);
        expect(sample.forced[t]).toBe(forced === undefined ? 0 : 1);
        if (forced === undefined) {
          expect(Math.abs(sample.logps[t]! - expected[i]![t]!)).toBeLessThan(1e-5);
          return;
        }
        written++;
        expect(id).toBe(forced);
        expect(sample.logps[t]).toBe(0);
      });
    });
    expect(written).toBeGreaterThan(20);
    const apart = await generate(model, asked, { ...OPTIONS, environment });
    expect(ids(samples)).toEqual(ids(apart));
  });

  it.each([
    [8, 'weights that lie next to each other', { hiddenSize: 32 }],
    [9, 'key weights of no whole 256 bytes, whose launches are merged', {}],
  ])('records 5 launches and %i a layer for a step with %s, and submits once a block', async (launches, _, sizes) => {
    model.dispose();
    model = tinyModel(device, sizes);
    const asked = [{ promptIds: Uint32Array.of(5), samples: 6, firstSampleId: 0 }];
    const options = { ...OPTIONS, maxNewTokens: 12, blockSteps: 4 };
    await generate(model, asked, options);
    const before = device.counters;
    await generate(model, asked, options);
    const after = device.counters;
    expect(after.dispatches - before.dispatches).toBe(12 * (5 + launches * 2));
    expect(after.submits - before.submits).toBe(3);
    expect(after.pipelines).toBe(before.pipelines);
    expect(after.buffersCreated).toBe(before.buffersCreated);
  });

  it('makes bind groups for a number of slots once, and none for further blocks', async () => {
    const asked = [{ promptIds: Uint32Array.of(5, 6), samples: 6, firstSampleId: 0 }];
    const counted = async (maxNewTokens: number) => {
      const options = { ...OPTIONS, maxNewTokens, blockSteps: 3 };
      await generate(model, asked, options);
      const before = device.counters;
      await generate(model, asked, options);
      const after = device.counters;
      return {
        bindGroups: after.bindGroupsCreated - before.bindGroupsCreated,
        buffers: after.buffersCreated - before.buffersCreated,
        submits: after.submits - before.submits,
      };
    };
    // The capacity of the cache stays in one size class of buffers.
    const [short, long] = [await counted(30), await counted(48)];
    expect([short.submits, long.submits]).toEqual([10, 16]);
    // Which buffers of the pool come back depends on what ran before, so the first may need one more.
    expect(long.bindGroups).toBeLessThanOrEqual(short.bindGroups);
    expect([short.buffers, long.buffers]).toEqual([0, 0]);
  });

  it('prefills a prompt once for all its samples', async () => {
    const counted = async (samples: number) => {
      const before = device.counters.dispatches;
      await generate(model, [{ promptIds: Uint32Array.of(5, 6, 7, 8), samples, firstSampleId: 0 }], {
        ...OPTIONS,
        maxNewTokens: 1,
      });
      return device.counters.dispatches - before;
    };
    expect(await counted(16)).toBe(await counted(1));
  });

  it('runs prompts of more rows than fit one forward, and copies more than fit one launch', async () => {
    const asked = Array.from({ length: 120 }, (_, r) => ({
      promptIds: Uint32Array.from({ length: 30 + (r % 20) }, (_, i) => (r * 5 + i * i) % 37),
      samples: 2,
      firstSampleId: 2 * r,
    }));
    const settings = { ...OPTIONS, maxNewTokens: 4, slots: 150 };
    const samples = await generate(model, asked, settings);
    // 39 tokens a prompt on average: 4,096 rows end near prompt 106.
    for (const request of [0, 74, 75, 103, 104, 105, 106, 107, 119]) {
      const alone = await generate(model, [asked[request]!], settings);
      expect(ids(alone)).toEqual(ids(samples.slice(2 * request, 2 * request + 2)));
    }
  });

  it('keeps to a small memory budget, with the same samples', async () => {
    const asked = requests(60, 2);
    const expected = await generate(model, asked, OPTIONS);
    using small = await openDevice({ budgetBytes: 2 ** 20 });
    const copy = tinyModel(small);
    expect(ids(await generate(copy, asked, OPTIONS))).toEqual(ids(expected));
    using tight = await openDevice({ budgetBytes: small.memory.liveBytes + 12_000 });
    const failing = generate(DecoderModel.create(tight, copy.config, { trainable: false }), asked, OPTIONS);
    await expect(failing).rejects.toThrow('room for a sequence of 21 tokens');
  });

  it('frees all it has allocated, also when the environment throws', async () => {
    await generate(model, requests(5, 2), OPTIONS);
    const { liveBytes, liveBuffers } = device.memory;
    await generate(model, requests(20, 3), { ...OPTIONS, slots: 8, stopIds: [1, 2, 3] });
    const failing = generate(model, requests(3, 2), {
      ...OPTIONS,
      environment: () => {
        throw new Error('no tool');
      },
    });
    await expect(failing).rejects.toThrow('no tool');
    expect(device.memory).toMatchObject({ liveBytes, liveBuffers });
  });

  it('stops when asked and returns what is finished', async () => {
    const progress: [number, number, number][] = [];
    const samples = await generate(model, requests(9, 1), {
      ...OPTIONS,
      slots: 3,
      onProgress: (...now) => progress.push(now),
      shouldStop: () => (progress.at(-1)?.[0] ?? 0) >= 3,
    });
    expect(samples.map((sample) => sample.request)).toEqual([0, 1, 2]);
    expect(progress.at(-1)).toEqual([3, 9, 3 * OPTIONS.maxNewTokens]);
  });

  it('hears a stop between the layers of a long prompt', async () => {
    model.dispose();
    const sizes = { hiddenSize: 256, intermediateSize: 1024, numHiddenLayers: 3, maxPositionEmbeddings: 8192 };
    model = tinyModel(device, sizes);
    const promptIds = Uint32Array.from({ length: 7000 }, (_, i) => i % 37);
    let asked = 0;
    const samples = await generate(model, [{ promptIds, samples: 1, firstSampleId: 0 }], {
      ...OPTIONS,
      shouldStop: () => ++asked > 1,
    });
    expect(samples).toEqual([]);
    // Before the prompt, and once within.
    expect(asked).toBe(2);
  });

  it('tells each token as it comes, in order, and its end', async () => {
    const told: GeneratedToken[] = [];
    const asked = requests(9, 2);
    const options = { ...OPTIONS, stopIds: [3, 9], slots: 5 };
    const samples = await generate(model, asked, { ...options, onToken: (token) => told.push(token) });
    expect(ids(samples)).toEqual(ids(await generate(model, asked, options)));
    for (const { request, sample, ids: expected, logps, finish } of samples) {
      const own = told.filter((token) => token.request === request && token.sample === sample);
      expect(own.map(({ index }) => index)).toEqual(own.map((_, i) => i));
      expect(own.map(({ id }) => id)).toEqual([...expected]);
      expect(own.map(({ logp }) => logp)).toEqual([...logps]);
      expect(own.map((token) => token.finish)).toEqual([...own.slice(1).map(() => undefined), finish]);
    }
  });

  it('ends completions at stop strings, the same whatever is read back at a time', async () => {
    const letter = (id: number) => String.fromCharCode(97 + (id % 6));
    const text = { decoder: () => ({ push: letter, end: () => '' }), stops: ['abc', 'de', 'ff'] };
    const asked = requests(12, 3);
    const free = await generate(model, asked, OPTIONS);
    for (const blockSteps of [1, 4, 13]) {
      const told = new Map<string, string>();
      const samples = await generate(model, asked, {
        ...OPTIONS,
        text,
        blockSteps,
        slots: 7,
        onToken: (token) => {
          const key = `${token.request} ${token.sample}`;
          told.set(key, (told.get(key) ?? '') + token.text);
        },
      });
      samples.forEach((sample, i) => {
        const all = [...free[i]!.ids].map(letter).join('');
        const ends = text.stops
          .map((stop) => all.indexOf(stop) + stop.length)
          .filter((end, s) => end >= text.stops[s]!.length);
        const end = Math.min(...ends);
        const stopped = ends.length > 0;
        expect([...sample.ids]).toEqual([...free[i]!.ids.slice(0, stopped ? end : undefined)]);
        const stop = text.stops.find((s) => stopped && all.slice(0, end).endsWith(s)) ?? '';
        expect(sample.text).toBe(all.slice(0, stopped ? end - stop.length : undefined));
        expect(sample.finish).toBe(stopped ? 'stop' : 'length');
        expect(told.get(`${sample.request} ${sample.sample}`)).toBe(sample.text);
      });
      expect(new Set(samples.map(({ finish }) => finish)).size).toBe(2);
    }
  });

  it('leaves the stop token out of the text', async () => {
    const text = { decoder: () => ({ push: (id: number) => `${id} `, end: () => '' }) };
    const samples = await generate(model, requests(6, 3), { ...OPTIONS, stopIds: [2, 5, 30], text });
    for (const { ids: all, text: said, finish } of samples) {
      expect(said).toBe([...(finish === 'stop' ? all.slice(0, -1) : all)].map((id) => `${id} `).join(''));
    }
  });

  it('penalises the tokens of prompt and completion alike, as a host that looks at all logits', async () => {
    const asked = requests(9, 1);
    const penalty = 1.6;
    const settings = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: penalty };
    const samples = await generate(model, asked, { ...OPTIONS, settings, slots: 4, blockSteps: 4 });
    for (const sample of samples) {
      const tokens = [...asked[sample.request]!.promptIds];
      for (const id of sample.ids) {
        const logits = (await scopeAsync(async () =>
          read(model.logits(model.hidden(packSequences(device, [tokens])))),
        )) as Float32Array;
        const last = logits.slice(-37).map((value, v) => {
          if (!tokens.includes(v)) return value;
          return value > 0 ? value / penalty : value * penalty;
        });
        // The most likely one, or as near to it as rounding tells.
        expect(last[id]!).toBeGreaterThan(Math.max(...last) - 1e-5);
        tokens.push(id);
      }
    }
    const plain = await generate(model, asked, { ...OPTIONS, settings: { ...settings, repetitionPenalty: 1 } });
    expect(ids(plain)).not.toEqual(ids(samples));
  });

  it('gives the same penalised samples for any number of slots and any block of steps', async () => {
    const asked = requests(10, 4);
    const options = { ...OPTIONS, settings: { ...OPTIONS.settings, repetitionPenalty: 1.3 }, stopIds: [3, 9, 20] };
    const expected = await generate(model, asked, options);
    for (const [slots, blockSteps] of [
      [1, 13],
      [17, 3],
    ] as const) {
      expect(ids(await generate(model, asked, { ...options, slots, blockSteps }))).toEqual(ids(expected));
    }
  });

  it('answers no requests with no samples', async () => {
    expect(await generate(model, [], OPTIONS)).toEqual([]);
    expect(await generate(model, requests(3, 0), OPTIONS)).toEqual([]);
    expect((await generate(model, [...requests(1, 0), ...requests(2, 1)], OPTIONS)).length).toBe(2);
  });

  it.each<[string, Partial<GenerateOptions>, Partial<GenerateRequest>, string]>([
    ['no new tokens', { maxNewTokens: 0 }, {}, 'maxNewTokens of at least 1, got 0'],
    [
      'an empty stop string',
      { text: { decoder: () => ({ push: () => '', end: () => '' }), stops: [''] } },
      {},
      'an empty one',
    ],
    ['more new tokens than positions', { maxNewTokens: 64 }, {}, 'fewer new tokens than the 64 positions, got 64'],
    ['no slots', { slots: 0 }, {}, 'slots of at least 1, got 0'],
    ['an empty prompt', {}, { promptIds: new Uint32Array() }, 'prompts of 1 to 51 tokens'],
    ['a prompt that leaves no room', {}, { promptIds: new Uint32Array(52) }, '52 tokens in request 0'],
    ['an unknown id', {}, { promptIds: Uint32Array.of(36, 37) }, 'prompt ids below 37 in request 0, got 37'],
    ['half a sample', {}, { samples: 0.5 }, 'a number of samples in request 0, got 0.5'],
    ['a forced id outside the vocabulary', { environment: () => 37 }, {}, 'from 0 to 36, got 37'],
  ])('refuses %s', async (_, options, request, message) => {
    const failing = generate(model, [{ ...requests(1, 1)[0]!, ...request }], { ...OPTIONS, ...options });
    await expect(failing).rejects.toThrow(ToolError);
    await expect(failing).rejects.toThrow(message);
  });
});
