import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ToolError } from '../../src/errors.ts';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { readAll } from '../../src/ops/read.ts';
import { appendHistory, type SampleSettings, sample, type TokenHistory } from '../../src/ops/sample.ts';
import { philox4x32, Rng } from '../../src/rng.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const PLAIN: SampleSettings = { temperature: 1, topK: 0, topP: 1, minP: 0 };
const RANDOM = { seed: 17, stream: 3 };
// The last two are several parts, read by number and in vectors.
const SIZES = [1, 68, 512, 5003, 12_004];

interface Drawn {
  readonly tokens: Uint32Array;
  readonly logps: Float32Array;
}

async function draw(
  logits: Float32Array<ArrayBuffer>,
  rows: number,
  settings: SampleSettings,
  rowIds = Uint32Array.from({ length: rows }, (_, row) => row),
  steps = new Uint32Array(rows),
  past?: readonly (readonly number[])[],
): Promise<Drawn> {
  return scopeAsync(async () => {
    const words = (data: Uint32Array<ArrayBuffer>) => Tensor.from(device, data, [rows], 'u32');
    const all = Tensor.from(device, logits, [rows, logits.length / rows]);
    const history = past && historyOf(past);
    const out = sample(all, words(rowIds), words(steps), settings, RANDOM, history);
    const [tokens, logps, after] = await readAll([out.tokens, out.logps, ...(history ? [history.tokens] : [])]);
    past?.forEach((row, i) => {
      // The newest token has come to its place.
      expect([...after!.slice(i * CAPACITY, i * CAPACITY + row.length)]).toEqual(row);
    });
    return { tokens: tokens as Uint32Array, logps: logps as Float32Array };
  });
}

const CAPACITY = 50;

/** The tokens of each row: all but the newest appended from a list of their own. */
function historyOf(past: readonly (readonly number[])[]): TokenHistory {
  const words = (data: readonly number[]) => Tensor.from(device, data, [data.length], 'u32');
  // What stands past the tokens of a row does not count: it is a token that no row has had.
  const tokens = Tensor.from(
    device,
    new Uint32Array(past.length * CAPACITY).fill(FOREIGN),
    [past.length, CAPACITY],
    'u32',
  );
  const old = past.flatMap((row, slot) => row.slice(0, -1).map((token, position) => ({ token, slot, position })));
  appendHistory(tokens, words(old.map(({ token }) => token)), {
    source: words(old.map((_, i) => i)),
    slot: words(old.map(({ slot }) => slot)),
    position: words(old.map(({ position }) => position)),
  });
  return {
    tokens,
    lengths: words(past.map((row) => row.length)),
    newest: words(past.map((row) => row.at(-1) ?? FOREIGN)),
  };
}

const FOREIGN = 2;

/** The logits of a row after the penalty, in float64. */
function penalised(row: ArrayLike<number>, past: readonly number[], penalty: number): number[] {
  const seen = new Set(past);
  return Array.from(row, (logit, v) => (seen.has(v) ? (logit > 0 ? logit / penalty : logit * penalty) : logit));
}

/** Normal logits of deviation 3; `rows` different rows. */
function normalLogits(rows: number, vocabulary: number, seed: number): Float32Array<ArrayBuffer> {
  const rng = new Rng(seed, 0);
  return Float32Array.from({ length: rows * vocabulary }, (_, i) => 3 * rng.normal(0, i));
}

function repeated(row: readonly number[], rows: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: rows * row.length }, (_, i) => row[i % row.length]!);
}

/** Probabilities at a temperature, in float64. */
function probabilities(row: ArrayLike<number>, temperature: number): number[] {
  const top = Math.max(...Array.from(row));
  const weights = Array.from(row, (logit) => Math.exp((logit - top) / temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

/** The tokens that may be drawn: top-k, then top-p of what is left, then min-p. Ties at a threshold are kept. */
function allowedTokens(row: ArrayLike<number>, { temperature, topK, topP, minP }: SampleSettings): Set<number> {
  const p = probabilities(row, temperature);
  const order = p.map((_, v) => v).sort((a, b) => row[b]! - row[a]!);
  let kept = topK > 0 ? order.filter((v) => row[v]! >= row[order[Math.min(topK, p.length) - 1]!]!) : order;
  const mass = kept.reduce((total, v) => total + p[v]!, 0);
  let sum = 0;
  const last = kept.find((v) => {
    sum += p[v]!;
    return sum >= topP * mass;
  });
  if (topP < 1) kept = kept.filter((v) => row[v]! >= row[last!]!);
  const top = Math.max(...p);
  return new Set(kept.filter((v) => p[v]! >= minP * top));
}

/** Gumbel-max in float64 with the device's random words: the token, and how clearly it wins. */
function referenceDraw(
  row: ArrayLike<number>,
  settings: SampleSettings,
  rowId: number,
  step: number,
): { token: number; margin: number } {
  let [best, second, token] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, -1];
  for (const v of allowedTokens(row, settings)) {
    const words = philox4x32([v >>> 2, step, rowId, 0], [RANDOM.seed, RANDOM.stream]);
    const u = ((words[v % 4]! >>> 9) + 0.5) / 2 ** 23;
    const noisy = row[v]! / settings.temperature - Math.log(-Math.log(u));
    if (noisy > best) [best, second, token] = [noisy, best, v];
    else if (noisy > second) second = noisy;
  }
  return { token, margin: best - second };
}

describe('sample', () => {
  it.each(SIZES)('draws the tokens of the float64 Gumbel-max reference, V = %d', async (vocabulary) => {
    const rows = 96;
    const logits = normalLogits(rows, vocabulary, 1);
    const rowIds = Uint32Array.from({ length: rows }, (_, row) => row * 977);
    const steps = Uint32Array.from({ length: rows }, (_, row) => row % 40);
    for (const settings of [
      PLAIN,
      { ...PLAIN, temperature: 0.7 },
      { temperature: 1.3, topK: 20, topP: 0.9, minP: 0.02 },
    ]) {
      const { tokens } = await draw(logits, rows, settings, rowIds, steps);
      let clear = 0;
      for (let row = 0; row < rows; row++) {
        const values = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
        const expected = referenceDraw(values, settings, rowIds[row]!, steps[row]!);
        // Within rounding of a tie either token is right.
        if (expected.margin < 1e-4) continue;
        clear++;
        expect(tokens[row]).toBe(expected.token);
      }
      expect(clear).toBeGreaterThan(rows - 4);
    }
  });

  it.each(SIZES)('gives the log-probability among all tokens, V = %d', async (vocabulary) => {
    const rows = 32;
    const logits = normalLogits(rows, vocabulary, 2);
    for (const settings of [PLAIN, { temperature: 0.5, topK: 3, topP: 0.8, minP: 0 }, { ...PLAIN, temperature: 0 }]) {
      const { tokens, logps } = await draw(logits, rows, settings);
      for (let row = 0; row < rows; row++) {
        const p = probabilities(
          logits.subarray(row * vocabulary, (row + 1) * vocabulary),
          settings.temperature === 0 ? 1 : settings.temperature,
        );
        expect(Math.abs(logps[row]! - Math.log(p[tokens[row]!]!))).toBeLessThan(1e-5);
      }
    }
  });

  it.each([68, 512])('draws from the softmax at the temperature (chi-square), V = %d', async (vocabulary) => {
    const rows = 8192;
    const row = Array.from(normalLogits(1, vocabulary, 3));
    const { tokens } = await draw(repeated(row, rows), rows, { ...PLAIN, temperature: 1.5 });
    const counts = new Array<number>(vocabulary).fill(0);
    for (const token of tokens) counts[token]!++;
    // Rare tokens share one bin, as the test needs at least 5 expected draws in each.
    let [statistic, bins, rareSeen, rareExpected] = [0, 0, 0, 0];
    probabilities(row, 1.5).forEach((p, v) => {
      if (p * rows < 5) {
        rareSeen += counts[v]!;
        rareExpected += p * rows;
        return;
      }
      statistic += (counts[v]! - p * rows) ** 2 / (p * rows);
      bins++;
    });
    statistic += (rareSeen - rareExpected) ** 2 / rareExpected;
    expect(bins).toBeGreaterThan(20);
    expect(rareExpected).toBeGreaterThan(5);
    // bins degrees of freedom: bins + 1 counts with a fixed sum.
    expect(statistic).toBeLessThan(chiSquareQuantile(bins));
  });

  it.each<[string, SampleSettings]>([
    ['top-k 5', { ...PLAIN, topK: 5 }],
    ['top-k above the vocabulary', { ...PLAIN, topK: 1000 }],
    ['top-p 0.7', { ...PLAIN, topP: 0.7 }],
    ['min-p 0.1', { ...PLAIN, minP: 0.1 }],
    ['min-p 0.1 at temperature 2', { ...PLAIN, temperature: 2, minP: 0.1 }],
    ['top-k 9, then top-p 0.8', { ...PLAIN, topK: 9, topP: 0.8 }],
    ['top-p 0.9 and min-p 0.05', { ...PLAIN, topP: 0.9, minP: 0.05 }],
    ['top-k 1', { ...PLAIN, topK: 1 }],
    ['a tiny top-p', { ...PLAIN, topP: 1e-6 }],
    ['min-p 1', { ...PLAIN, minP: 1 }],
  ])('draws exactly the tokens that %s allows', async (_, settings) => {
    // Probabilities fall by a fifth a token, so that the rarest of 16 has 0.7 % and is met in 4096 draws.
    const row = Array.from({ length: 16 }, (_, v) => ((v * 5) % 16) * Math.log(0.8));
    const { tokens } = await draw(repeated(row, 4096), 4096, settings);
    const expected = allowedTokens(row, settings);
    expect([...new Set(tokens)].sort((a, b) => a - b)).toEqual([...expected].sort((a, b) => a - b));
  });

  it('keeps all tokens that tie at a threshold', async () => {
    const row = [2, 1, 1, 1, 0, -1];
    for (const settings of [
      { ...PLAIN, topK: 2 },
      { ...PLAIN, topP: 0.6 },
    ]) {
      const { tokens } = await draw(repeated(row, 2048), 2048, settings);
      expect([...new Set(tokens)].sort()).toEqual([0, 1, 2, 3]);
    }
  });

  it('takes the most likely token at temperature 0, the smallest id on ties', async () => {
    for (const vocabulary of SIZES) {
      const rows = 16;
      const logits = normalLogits(rows, vocabulary, 4);
      const expected: number[] = [];
      for (let row = 0; row < rows; row++) {
        const values = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
        const [first, second] = [Math.floor(vocabulary / 3), Math.floor((2 * vocabulary) / 3)];
        // In every other row two tokens share the lead.
        if (row % 2 === 0) {
          values[first] = 50;
          values[second] = 50;
        }
        expected.push(values.indexOf(Math.max(...values)));
      }
      const { tokens } = await draw(logits, rows, { ...PLAIN, temperature: 0 });
      expect([...tokens]).toEqual(expected);
    }
  });

  it('draws by row id and step, not by row', async () => {
    const row = Array.from(normalLogits(1, 68, 5));
    const rowIds = Uint32Array.from({ length: 200 }, (_, i) => i % 50);
    const steps = Uint32Array.from({ length: 200 }, (_, i) => Math.floor(i / 100));
    const { tokens, logps } = await draw(repeated(row, 200), 200, PLAIN, rowIds, steps);
    expect([...tokens.subarray(50, 100)]).toEqual([...tokens.subarray(0, 50)]);
    expect([...logps.subarray(50, 100)]).toEqual([...logps.subarray(0, 50)]);
    expect([...tokens.subarray(100, 150)]).not.toEqual([...tokens.subarray(0, 50)]);
    const alone = await draw(Float32Array.from(row), 1, PLAIN, Uint32Array.of(31), Uint32Array.of(1));
    expect(alone.tokens[0]).toBe(tokens[131]);
    expect(alone.logps[0]).toBe(logps[131]);
  });

  it('never draws a token of logit -inf, and survives large logits', async () => {
    const row = Array.from({ length: 70 }, (_, v) => (v % 7 === 3 ? 1e4 + (v % 2) : Number.NEGATIVE_INFINITY));
    for (const settings of [PLAIN, { ...PLAIN, topP: 0.99 }, { ...PLAIN, topK: 40 }]) {
      const { tokens, logps } = await draw(repeated(row, 512), 512, settings);
      for (const token of tokens) expect(token % 7).toBe(3);
      for (const logp of logps) expect(Number.isFinite(logp)).toBe(true);
    }
  });

  it('gives an id of the vocabulary even for a row of NaN', async () => {
    for (const settings of [PLAIN, { ...PLAIN, temperature: 0 }, { temperature: 1, topK: 3, topP: 0.5, minP: 0.1 }]) {
      const { tokens } = await draw(new Float32Array(3 * 21).fill(Number.NaN), 3, settings);
      for (const token of tokens) expect(token).toBeLessThan(21);
    }
  });

  it.each([68, 512, 5003, 12_004])('draws after a repetition penalty, V = %d', async (vocabulary) => {
    const rows = 64;
    const logits = normalLogits(rows, vocabulary, 7);
    const rng = new Rng(8, 0);
    // Rows of 0 to 49 tokens, some twice, among them likely ones.
    const past = Array.from({ length: rows }, (_, row) =>
      Array.from({ length: Math.min(row, CAPACITY) }, (_, i) => {
        const token = Math.floor(rng.uniform(row, i) * vocabulary);
        return i % 5 === 4 ? Math.floor(rng.uniform(row, 0) * vocabulary) : token === FOREIGN ? FOREIGN + 1 : token;
      }),
    );
    for (const settings of [
      { ...PLAIN, repetitionPenalty: 3 },
      { ...PLAIN, temperature: 0.7, repetitionPenalty: 0.5 },
      { ...PLAIN, temperature: 0, repetitionPenalty: 5 },
      { temperature: 1.3, topK: 20, topP: 0.9, minP: 0.02, repetitionPenalty: 1.5 },
      { temperature: 0.9, topK: 0, topP: 0.9, minP: 0, repetitionPenalty: 1.5 },
      { temperature: 0.9, topK: 0, topP: 1, minP: 0.05, repetitionPenalty: 1.5 },
    ]) {
      const { tokens, logps } = await draw(logits, rows, settings, undefined, undefined, past);
      let clear = 0;
      for (let row = 0; row < rows; row++) {
        const values = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
        const scores = penalised(values, past[row]!, settings.repetitionPenalty);
        const p = probabilities(values, settings.temperature === 0 ? 1 : settings.temperature);
        expect(Math.abs(logps[row]! - Math.log(p[tokens[row]!]!))).toBeLessThan(1e-5);
        if (settings.temperature === 0) {
          clear++;
          expect(tokens[row]).toBe(scores.indexOf(Math.max(...scores)));
          continue;
        }
        const expected = referenceDraw(scores, settings, row, 0);
        if (expected.margin < 1e-4) continue;
        clear++;
        expect(tokens[row]).toBe(expected.token);
      }
      expect(clear).toBeGreaterThan(rows - 6);
    }
  });

  it('walks over the whole row where the tokens of a filter are too many to list', async () => {
    // Nearly equal logits: almost all tokens belong to the mass of 0.9.
    const rows = 32;
    const [vocabulary, settings] = [9000, { ...PLAIN, topP: 0.9 }];
    const logits = normalLogits(rows, vocabulary, 9).map((logit) => logit / 100);
    const { tokens } = await draw(logits, rows, settings);
    let clear = 0;
    for (let row = 0; row < rows; row++) {
      const expected = referenceDraw(logits.subarray(row * vocabulary, (row + 1) * vocabulary), settings, row, 0);
      if (expected.margin < 1e-4) continue;
      clear++;
      expect(tokens[row]).toBe(expected.token);
    }
    expect(clear).toBeGreaterThan(rows - 4);
  });

  it('takes one launch for a part of tokens and two for more, whatever the filters', async () => {
    await scopeAsync(async () => {
      const words = Tensor.from(device, new Uint32Array(2), [2], 'u32');
      for (const [vocabulary, launches] of [
        [4096, 1],
        [4100, 2],
      ] as const) {
        const logits = Tensor.from(device, normalLogits(2, vocabulary, 10), [2, vocabulary]);
        for (const settings of [PLAIN, { temperature: 1, topK: 9, topP: 0.9, minP: 0.1, repetitionPenalty: 1.2 }]) {
          const history = historyOf([[1], [3, 4]]);
          const before = device.counters.dispatches;
          sample(logits, words, words, settings, RANDOM, history);
          expect(device.counters.dispatches - before).toBe(launches);
        }
      }
      await device.finish();
    });
  });

  it('refuses a repetition penalty without a history that fits', async () => {
    const settings = { ...PLAIN, repetitionPenalty: 1.1 };
    await expect(draw(new Float32Array(8), 2, settings)).rejects.toThrow(
      /history of tokens u32 \[2, capacity\].*got none/,
    );
    await expect(draw(new Float32Array(8), 2, settings, undefined, undefined, [[1]])).rejects.toThrow(
      /got u32 \[1,50\]/,
    );
  });

  it.each<[string, Partial<SampleSettings>]>([
    ['a penalty of 0', { repetitionPenalty: 0 }],
    ['a negative temperature', { temperature: -1 }],
    ['a temperature of NaN', { temperature: Number.NaN }],
    ['a negative top-k', { topK: -1 }],
    ['top-p 0', { topP: 0 }],
    ['top-p over 1', { topP: 1.1 }],
    ['min-p over 1', { minP: 2 }],
  ])('refuses %s', async (_, settings) => {
    await expect(draw(new Float32Array(4), 2, { ...PLAIN, ...settings })).rejects.toThrow(ToolError);
  });
});

/** The value that a chi-square variable exceeds once in a thousand (Wilson and Hilferty, 1931). */
function chiSquareQuantile(degrees: number): number {
  const spread = 2 / (9 * degrees);
  return degrees * (1 - spread + 3.0902 * Math.sqrt(spread)) ** 3;
}
