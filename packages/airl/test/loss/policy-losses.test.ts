import { grad } from '@dawngrad/autograd';
import { type Device, Rng, readAll, scopeAsync, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DIVERGENCES, type DivergenceName } from '../../src/loss/policy/divergence.ts';
import { POLICY_LOSSES, type PolicyLossName } from '../../src/loss/policy/table.ts';
import { type PolicyLossOptions, policyLoss } from '../../src/loss/policy-loss.ts';
import { NORMALISATIONS, type Normalisation, tokenWeights } from '../../src/loss/token-weights.ts';
import { type ObjectiveTokens, objectiveWithGradient } from './reference-objective.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const LENGTHS = [5, 3, 9, 1];
const FORCED = [1, 6, 12];
const MAX_TOKENS = 12;
const rng = new Rng(5, 9);
const sequence = LENGTHS.flatMap((length, s) => new Array<number>(length).fill(s));
const trained = sequence.map((_, t) => (FORCED.includes(t) ? 0 : 1));
const draw = (step: number, scale: number): number[] => sequence.map((_, t) => rng.normal(step, t) * scale);
const newLogp = draw(1, 0.5).map((x) => Math.fround(x - 2));
const drift = draw(2, 0.8);
const shift = draw(3, 0.3);
const oldLogp = newLogp.map((x, t) => Math.fround(x + drift[t]!));
const refLogp = newLogp.map((x, t) => Math.fround(x + shift[t]!));
const advantage = draw(4, 1).map(Math.fround);
const entropy = draw(6, 1).map((x) => Math.fround(Math.abs(x)));

function tokensOf(normalisation: Normalisation): ObjectiveTokens {
  let start = 0;
  const traces = LENGTHS.map((length) => {
    const forced = Uint8Array.from(trained.slice(start, start + length), (one) => 1 - one);
    start += length;
    return { promptIds: new Uint32Array(1), completionIds: new Uint32Array(length), forced };
  });
  const weight = tokenWeights(traces, normalisation, MAX_TOKENS).flatMap((weights) => [...weights]);
  return { oldLogp, refLogp, advantage, weight, trained, sequence };
}

interface Result {
  readonly loss: number;
  readonly gradient: number[];
  readonly k1: number;
  readonly k2: number;
  readonly low: number;
  readonly high: number;
}

/** The loss of the sequences from..to (rows of one micro-batch), at the rows `order` of them. */
async function run(tokens: ObjectiveTokens, options: PolicyLossOptions, rows: readonly number[]): Promise<Result> {
  return scopeAsync(async () => {
    const vector = (data: readonly number[]): Tensor =>
      Tensor.from(
        device,
        Float32Array.from(rows, (row) => data[row]!),
        [rows.length],
      );
    const ids = [...new Set(rows.map((row) => sequence[row]!))];
    const share = sequence.map((s, t) => {
      const count = trained.filter((one, k) => one === 1 && sequence[k] === s).length;
      return trained[t]! / count;
    });
    const logp = vector(newLogp);
    let made: ReturnType<typeof policyLoss> | undefined;
    const { loss, gradients } = grad(() => {
      made = policyLoss(
        {
          logp,
          entropy: vector(entropy),
          oldLogp: vector(tokens.oldLogp),
          refLogp: vector(tokens.refLogp),
          sampledLogp: vector(tokens.oldLogp),
          advantage: vector(tokens.advantage),
          weight: vector(tokens.weight),
          mask: vector(trained),
          sequences: {
            ids: Tensor.from(
              device,
              Uint32Array.from(rows, (row) => ids.indexOf(sequence[row]!)),
              [rows.length],
              'u32',
            ),
            count: ids.length,
            share: vector(share),
          },
        },
        options,
      );
      return made.loss;
    }, [logp]);
    const { k1, k2, clippedLow, clippedHigh } = made!;
    const zero = clippedLow ?? loss;
    const read = await readAll([loss, gradients[0]!, k1!, k2!, zero, clippedHigh ?? zero]);
    const [l, , a, b, low, high] = read.map((values) => values[0]!);
    const gradient = new Array<number>(sequence.length).fill(0);
    rows.forEach((row, i) => {
      gradient[row] = read[1]![i]!;
    });
    const bounded = clippedLow !== undefined;
    return { loss: l!, gradient, k1: a!, k2: b!, low: bounded ? low! : 0, high: bounded ? high! : 0 };
  });
}

const ALL = sequence.map((_, t) => t);
const LOSSES = Object.keys(POLICY_LOSSES) as PolicyLossName[];
const FORMS = Object.keys(DIVERGENCES) as DivergenceName[];
const base = { low: 0.2, high: 0.3, delta: Number.POSITIVE_INFINITY, beta: 0, form: 'k3', unbiased: false } as const;
const clip = { low: base.low, high: base.high };

function expectSame(actual: number[], expected: number[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 5);
  });
}

describe.each(LOSSES)('policy loss %s', (loss) => {
  it.each(NORMALISATIONS)('has the value and the gradient of its paper, normalised by %s', async (normalisation) => {
    const tokens = tokensOf(normalisation);
    const { value, gradient } = objectiveWithGradient(newLogp, tokens, { ...base, loss });
    const actual = await run(tokens, { loss, clip, klBeta: 0 }, ALL);
    expect(actual.loss).toBeCloseTo(value, 5);
    expectSame(actual.gradient, gradient);
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(1e-3);
  });

  it('adds up over micro-batches, in any order of the sequences', async () => {
    const tokens = tokensOf('sequence');
    const options = { loss, clip, klBeta: 0.1, entropyBonus: 0.02 };
    const whole = await run(tokens, options, ALL);
    const rowsOf = (...wanted: number[]): number[] => wanted.flatMap((s) => ALL.filter((row) => sequence[row] === s));
    const parts = [await run(tokens, options, rowsOf(3, 1)), await run(tokens, options, rowsOf(2, 0))];
    const total = (of: (result: Result) => number): number => parts.reduce((sum, part) => sum + of(part), 0);
    expect(total(({ loss }) => loss)).toBeCloseTo(whole.loss, 5);
    expect(total(({ k1 }) => k1)).toBeCloseTo(whole.k1, 5);
    expect(total(({ k2 }) => k2)).toBeCloseTo(whole.k2, 5);
    expect(total(({ low }) => low)).toBe(whole.low);
    expect(total(({ high }) => high)).toBe(whole.high);
    expectSame(
      whole.gradient.map((_, t) => total(({ gradient }) => gradient[t]!)),
      whole.gradient,
    );
  });

  it.each(FORMS.flatMap((form) => [false, true].map((unbiased) => ({ form, unbiased }))))(
    'takes the divergence as $form, unbiased $unbiased',
    async ({ form, unbiased }) => {
      const tokens = tokensOf('token');
      const expected = objectiveWithGradient(newLogp, tokens, { ...base, loss, beta: 0.4, form, unbiased });
      const actual = await run(tokens, { loss, clip, klBeta: 0.4, kl: { form, unbiased } }, ALL);
      expect(actual.loss).toBeCloseTo(expected.value, 5);
      expectSame(actual.gradient, expected.gradient);
    },
  );
});

describe('clip bounds', () => {
  it('are counted apart: below where the advantage is negative, above where it is positive', async () => {
    const { low, high } = await run(tokensOf('token'), { clip, klBeta: 0 }, ALL);
    const ratios = newLogp.map((x, t) => (trained[t] === 1 ? Math.exp(x - oldLogp[t]!) : 1));
    expect(low).toBe(ratios.filter((ratio, t) => advantage[t]! < 0 && ratio < 0.8).length);
    expect(high).toBe(ratios.filter((ratio, t) => advantage[t]! > 0 && ratio > 1.3).length);
    expect(low).toBeGreaterThan(0);
    expect(high).toBeGreaterThan(0);
  });

  it('with a delta hold negative advantages back, value and gradient (dual clip)', async () => {
    const tokens = tokensOf('token');
    const expected = objectiveWithGradient(newLogp, tokens, { ...base, loss: 'clipped', delta: 1.35 });
    const actual = await run(tokens, { clip, delta: 1.35, klBeta: 0 }, ALL);
    const without = await run(tokens, { clip, klBeta: 0 }, ALL);
    expect(actual.loss).toBeCloseTo(expected.value, 5);
    expectSame(actual.gradient, expected.gradient);
    expect(Math.abs(actual.loss - without.loss)).toBeGreaterThan(1e-4);
    expect(actual.high).toBeGreaterThan(without.high);
  });
});

describe('the entropy bonus', () => {
  it('is subtracted with the weights of the tokens', async () => {
    const tokens = tokensOf('sequence');
    const without = await run(tokens, { clip, klBeta: 0 }, ALL);
    const bonus = await run(tokens, { clip, klBeta: 0, entropyBonus: 0.5 }, ALL);
    const mean = tokens.weight.reduce((sum, weight, t) => sum + weight * entropy[t]!, 0);
    expect(without.loss - bonus.loss).toBeCloseTo(0.5 * mean, 5);
  });
});

describe('divergences', () => {
  it.each(FORMS)('%s of a token is that of the rows, T15 for k3', async (form) => {
    const gaps = [0.1, -0.1, 0, 1.5];
    const rows = await scopeAsync(async () => {
      const [values] = await readAll([DIVERGENCES[form].ofRows(Tensor.from(device, Float32Array.from(gaps), [4]))]);
      return [...values!];
    });
    expectSame(rows, gaps.map(DIVERGENCES[form].ofToken));
    if (form === 'k3') expect(rows.slice(0, 2).map((value) => value.toFixed(5))).toEqual(['0.00517', '0.00484']);
  });
});
