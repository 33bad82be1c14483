import {
  DecoderModel,
  type GeneratedSample,
  type GenerateRequest,
  generate,
  packSequences,
  ScalarHead,
} from '@dawngrad/models';
import { type Device, read, sample, scopeAsync, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Critic } from '../../src/critic/critic.ts';
import { ShapedHead } from '../../src/critic/shaped-head.ts';
import { type GuidedOptions, generateGuided } from '../../src/guided/generate-guided.ts';
import { discountedMean, type Guidance, guidanceScore } from '../../src/guided/guidance.ts';

const VOCABULARY = 24;
const NEW_TOKENS = 9;
const FAVOURITE = 7;

let device: Device;
let policy: DecoderModel;
let critic: Critic;
beforeAll(async () => {
  device = await openDevice();
  policy = tinyModel(3);
  critic = new Critic(tinyModel(5));
  const weights = Float32Array.from({ length: 16 }, (_, i) => Math.sin(3 * i + 1));
  critic.head.parameters.set('score.weight', weights);
});
afterAll(() => {
  policy.dispose();
  critic.dispose();
  device.close();
});

function tinyModel(seed: number): DecoderModel {
  const model = DecoderModel.create(
    device,
    {
      modelType: 'llama',
      vocabSize: VOCABULARY,
      hiddenSize: 16,
      intermediateSize: 24,
      numHiddenLayers: 2,
      numAttentionHeads: 2,
      numKeyValueHeads: 1,
      headDim: 8,
      maxPositionEmbeddings: 32,
      rmsNormEps: 1e-5,
      ropeTheta: 10_000,
      tieWordEmbeddings: false,
      eosTokenIds: [],
    },
    { trainable: false },
  );
  model.initialise(seed);
  // Logits of a few units: distributions that are not flat.
  const sharp = Float32Array.from({ length: VOCABULARY * 16 }, (_, i) => 1.5 * Math.sin(12.9898 * i + seed));
  model.base.set('lm_head.weight', sharp);
  return model;
}

const REQUESTS: readonly GenerateRequest[] = [
  { promptIds: Uint32Array.of(1, 2, 3), samples: 2, firstSampleId: 10 },
  { promptIds: Uint32Array.of(9), samples: 1, firstSampleId: 40 },
  { promptIds: Uint32Array.of(4, 4, 8, 1, 0), samples: 1, firstSampleId: 77 },
];

const GUIDANCE: Guidance = {
  method: 'topk',
  k: 4,
  alpha: 2,
  candidates: 3,
  stepSize: 4,
  gamma: 0.9,
  temperature: 0.5,
  clip: [-2, 2],
};

function options(changes: Partial<Guidance> = {}, more: Partial<GuidedOptions> = {}): GuidedOptions {
  return {
    maxNewTokens: NEW_TOKENS,
    settings: { temperature: 0.9, topK: 0, topP: 1, minP: 0 },
    seed: 11,
    stream: 5,
    stopIds: [2],
    guidance: { ...GUIDANCE, ...changes },
    ...more,
  };
}

/** Writes 6 after every 5, and 5 in the fourth place of a completion: tokens that nobody draws. */
const environment = (tokens: Uint32Array, length: number): number | undefined =>
  tokens[length - 1] === 5 ? 6 : length === 4 ? 5 : undefined;

const idsOf = (samples: readonly GeneratedSample[]) => samples.map(({ ids }) => [...ids]);

function expectSame(found: readonly GeneratedSample[], plain: readonly GeneratedSample[]): void {
  expect(idsOf(found)).toEqual(idsOf(plain));
  found.forEach(({ logps, finish, forced }, i) => {
    expect(finish).toBe(plain[i]!.finish);
    expect([...forced]).toEqual([...plain[i]!.forced]);
    logps.forEach((logp, t) => {
      expect(logp).toBeCloseTo(plain[i]!.logps[t]!, 4);
    });
  });
}

/** The logits after a sequence, by a forward of all of it. */
async function logitsAfter(tokens: readonly number[]): Promise<Float32Array> {
  return scopeAsync(async () => {
    const batch = packSequences(device, [tokens]);
    const logits = (await read(policy.logits(policy.hidden(batch)))) as Float32Array;
    return logits.slice((tokens.length - 1) * VOCABULARY);
  });
}

/** The critic's logit of each token of a sequence, by a forward of all of it. */
async function criticLogits(tokens: readonly number[]): Promise<Float32Array> {
  return scopeAsync(
    async () => (await read(critic.readPlain(critic.model.hidden(packSequences(device, [tokens]))))) as Float32Array,
  );
}

async function scoresOf(tokens: readonly number[]): Promise<number[]> {
  return Array.from(await criticLogits(tokens), (logit) => guidanceScore(logit, GUIDANCE));
}

/** The score of each completion token where those of a step are a segment: that of the mean of their logits. */
async function segmentScores(tokens: readonly number[], prompt: number): Promise<number[]> {
  const logits = Array.from(await criticLogits(tokens)).slice(prompt);
  return logits.map((_, t) => {
    const first = t - (t % GUIDANCE.stepSize);
    const step = logits.slice(first, first + GUIDANCE.stepSize);
    return guidanceScore(step.reduce((sum, logit) => sum + logit, 0) / step.length, GUIDANCE);
  });
}

async function draw(logits: Float32Array, row: number, step: number, topK: number): Promise<number> {
  return scopeAsync(async () => {
    const index = (value: number) => Tensor.from(device, Uint32Array.of(value), [1], 'u32', 'test/index');
    const { settings, seed, stream } = options();
    const table = Tensor.from(device, logits, [1, VOCABULARY], 'f32', 'test/logits');
    const { tokens } = sample(table, index(row), index(step), { ...settings, topK }, { seed, stream });
    return ((await read(tokens)) as Uint32Array)[0]!;
  });
}

type Go = (tokens: number[], prompt: number, row: number) => Promise<number[]>;

/** The same samples without caches, batches or copies: `next` says what a sequence goes on with. */
async function reference(next: Go): Promise<number[][]> {
  const samples: number[][] = [];
  for (const { promptIds, samples: count, firstSampleId } of REQUESTS) {
    for (let s = 0; s < count; s++) {
      const tokens = [...promptIds];
      const isOpen = () => tokens.length - promptIds.length < NEW_TOKENS;
      for (let ended = false; !ended && isOpen(); ) {
        for (const id of await next(tokens, promptIds.length, firstSampleId + s)) {
          if (!isOpen() || ended) break;
          tokens.push(id);
          ended = id === 2;
        }
      }
      samples.push(tokens.slice(promptIds.length));
    }
  }
  return samples;
}

function topKReference(env?: typeof environment): Go {
  return async (tokens, prompt, row) => {
    const forced = env?.(Uint32Array.from(tokens), tokens.length);
    if (forced !== undefined) return [forced];
    const logits = await logitsAfter(tokens);
    const best = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, GUIDANCE.k);
    const guided = new Float32Array(VOCABULARY).fill(-1e30);
    for (const id of best) {
      guided[id] = logits[id]! + GUIDANCE.alpha * (await scoresOf([...tokens, id])).at(-1)!;
    }
    return [await draw(guided, row, tokens.length - prompt, GUIDANCE.k)];
  };
}

function chunkReference(env?: typeof environment, isPooled = false): Go {
  return async (tokens, prompt, row) => {
    let best: { readonly drawn: number[]; readonly value: number } | undefined;
    for (let lane = 0; lane < GUIDANCE.candidates; lane++) {
      const drawn: number[] = [];
      while (drawn.length < GUIDANCE.stepSize && drawn.at(-1) !== 2) {
        const text = [...tokens, ...drawn];
        if (text.length - prompt >= NEW_TOKENS) break;
        const forced = env?.(Uint32Array.from(text), text.length);
        const free = () => logitsAfter(text);
        drawn.push(forced ?? (await draw(await free(), row * GUIDANCE.candidates + lane, text.length - prompt, 0)));
      }
      const text = [...tokens, ...drawn];
      const scores = isPooled ? await segmentScores(text, prompt) : (await scoresOf(text)).slice(prompt);
      const value = discountedMean(scores, GUIDANCE.gamma);
      if (best === undefined || value > best.value) best = { drawn, value };
    }
    return best!.drawn;
  };
}

describe('top-k guidance', () => {
  it.each([0, 0.9])(
    'with alpha 0 is plain sampling among the k most likely, at temperature %s',
    async (temperature) => {
      const settings = { temperature, topK: 0, topP: 0.95, minP: 0 };
      const { samples } = await generateGuided(policy, critic, REQUESTS, options({ alpha: 0 }, { settings }));
      const plain = await generate(policy, REQUESTS, { ...options(), settings: { ...settings, topK: GUIDANCE.k } });
      expectSame(samples, plain);
    },
  );

  it('draws from logit + alpha * score of each of the k, as a forward of each whole continuation gives them', async () => {
    const { samples } = await generateGuided(policy, critic, REQUESTS, options());
    expect(idsOf(samples)).toEqual(await reference(topKReference()));
  });

  it('goes on from tokens of the environment, which nobody scored', async () => {
    const { samples } = await generateGuided(policy, critic, REQUESTS, options({}, { environment }));
    expect(idsOf(samples)).toEqual(await reference(topKReference(environment)));
    const [first] = samples;
    expect([...first!.forced].slice(0, 3)).toEqual([0, 1, 1]);
  });

  it('writes the token that a constructed critic prefers, and nothing else', async () => {
    const one = await favouriteCritic();
    const guided = options({ k: VOCABULARY, alpha: 1e4, clip: null });
    const { samples } = await generateGuided(policy, one, REQUESTS, guided);
    for (const ids of idsOf(samples)) expect(ids).toEqual(new Array(NEW_TOKENS).fill(FAVOURITE));
    one.dispose();
  });

  it('counts the tokens of both models: each step is one for the policy and k for the critic', async () => {
    const { samples, costs } = await generateGuided(policy, critic, REQUESTS, options());
    const made = REQUESTS.map((_, r) =>
      samples.filter(({ request }) => request === r).reduce((sum, { ids }) => sum + ids.length, 0),
    );
    expect(costs).toEqual(
      REQUESTS.map(({ promptIds }, r) => ({
        policyTokens: promptIds.length + made[r]!,
        criticTokens: promptIds.length + GUIDANCE.k * made[r]!,
      })),
    );
  });
});

describe('chunk guidance', () => {
  it('with one candidate is plain sampling', async () => {
    const one = options({ method: 'chunk', candidates: 1 });
    expectSame((await generateGuided(policy, critic, REQUESTS, one)).samples, await generate(policy, REQUESTS, one));
    const forced = { ...one, environment };
    expectSame(
      (await generateGuided(policy, critic, REQUESTS, forced)).samples,
      await generate(policy, REQUESTS, forced),
    );
  });

  it('keeps the candidate with the best discounted mean, as forwards of whole texts give them', async () => {
    const { samples } = await generateGuided(policy, critic, REQUESTS, options({ method: 'chunk' }));
    expect(idsOf(samples)).toEqual(await reference(chunkReference()));
  });

  it('goes on from tokens of the environment', async () => {
    const { samples } = await generateGuided(policy, critic, REQUESTS, options({ method: 'chunk' }, { environment }));
    expect(idsOf(samples)).toEqual(await reference(chunkReference(environment)));
  });

  it('takes the tokens of a try as a segment where the critic does', async () => {
    const pooled = new Critic(critic.model, critic.head, 'mean');
    const { samples } = await generateGuided(policy, pooled, REQUESTS, options({ method: 'chunk' }));
    const expected = await reference(chunkReference(undefined, true));
    expect(idsOf(samples)).toEqual(expected);
    expect(expected).not.toEqual(await reference(chunkReference()));
  });

  it('keeps candidates with the token that a constructed critic prefers', async () => {
    const one = await favouriteCritic();
    // Nearly even draws: of thirty, one is the favourite more often than not.
    const settings = { temperature: 20, topK: 0, topP: 1, minP: 0 };
    const many = options({ method: 'chunk', candidates: 30, stepSize: 1, clip: null }, { stopIds: [], settings });
    const count = (samples: readonly GeneratedSample[]) =>
      idsOf(samples)
        .flat()
        .filter((id) => id === FAVOURITE).length;
    const guided = count((await generateGuided(policy, one, REQUESTS, many)).samples);
    expect(guided).toBeGreaterThan(2 * count(await generate(policy, REQUESTS, many)));
    one.dispose();
  });

  it('counts what each candidate takes', async () => {
    const [request] = [{ ...REQUESTS[0]!, samples: 1 }];
    const chunk = options({ method: 'chunk' }, { stopIds: [] });
    const { costs } = await generateGuided(policy, critic, [request], chunk);
    // Nine tokens in chunks of 4, 4 and 1, three ways each.
    expect(costs).toEqual([{ policyTokens: 3 + 27, criticTokens: 3 + 27 }]);
  });
});

describe('guided decoding', () => {
  it.each(['topk', 'chunk'] as const)('by %s makes the same samples whatever is made together', async (method) => {
    const together = await generateGuided(policy, critic, REQUESTS, options({ method }));
    const alone = await generateGuided(policy, critic, REQUESTS, options({ method }, { slots: 1 }));
    expect(idsOf(alone.samples)).toEqual(idsOf(together.samples));
    expect(alone.costs).toEqual(together.costs);
  });

  it('returns finished samples alone once it is asked to stop', async () => {
    let asked = 0;
    const shouldStop = () => ++asked > 3;
    const { samples } = await generateGuided(policy, critic, REQUESTS, options({}, { shouldStop, stopIds: [] }));
    expect(samples).toEqual([]);
  });

  it('refuses what it cannot do', async () => {
    const refused = (changes: Partial<Guidance>, more: Partial<GuidedOptions> = {}, by = critic) =>
      expect(generateGuided(policy, by, REQUESTS, options(changes, more))).rejects;
    await refused({ k: 0 }).toThrow('guidance.k: expected a whole number of at least 1, got 0');
    await refused({ method: 'chunk', gamma: 0 }).toThrow('guidance.gamma');
    await refused({ method: 'chunk', stepSize: 1.5 }).toThrow('guidance.step_size');
    const penalty = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1.2 };
    await refused({}, { settings: penalty }).toThrow('no repetition penalty');
    await refused({}, { maxNewTokens: 30 }).toThrow('expected prompts of 1 to 2 tokens');
    const shaped = new Critic(tinyModel(5), new ShapedHead(device, 16));
    await refused({}, {}, shaped).toThrow('expected a plain critic, which scores tokens');
    shaped.dispose();
  });
});

/** A critic whose score is high after one token and low after all others: its blocks do nothing. */
async function favouriteCritic(): Promise<Critic> {
  const model = tinyModel(5);
  for (const name of model.base.names) {
    if (/(o_proj|down_proj)\.weight$/.test(name)) {
      model.base.set(name, new Float32Array(model.base.spec(name).shape.reduce((a, b) => a * b, 1)));
    }
  }
  const table = new Float32Array(VOCABULARY * 16).fill(1);
  for (let d = 0; d < 16; d++) table[FAVOURITE * 16 + d] = d % 2 === 0 ? 1 : -1;
  model.base.set('model.embed_tokens.weight', table);
  const head = new ScalarHead(device, 16);
  head.parameters.set(
    'score.weight',
    Float32Array.from({ length: 16 }, (_, d) => (d % 2 === 0 ? 1 : -1)),
  );
  return new Critic(model, head);
}
