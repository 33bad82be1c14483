import { grad } from '@dawngrad/autograd';
import { add, type Device, Rng, readAll, readScalar, scopeAsync, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PolicyLossOptions, policyLoss } from '../../src/loss/policy-loss.ts';
import { policyLoss as referenceLoss } from '../../src/loss/reference.ts';
import { type Normalisation, tokenWeights } from '../../src/loss/token-weights.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const LENGTHS = [5, 3, 9, 1];
const FORCED = [1, 6, 12];
const rng = new Rng(3, 1);
const sequence = LENGTHS.flatMap((length, s) => new Array<number>(length).fill(s));
const trained = sequence.map((_, t) => (FORCED.includes(t) ? 0 : 1));
const values = (step: number, scale: number, shift = 0): number[] =>
  sequence.map((_, t) => Math.fround(rng.normal(step, t) * scale + shift));
const newLogp = values(1, 0.5, -2);
const oldLogp = newLogp.map((x, t) => Math.fround(x + (values(2, 0.4)[t] as number)));
const refLogp = newLogp.map((x, t) => Math.fround(x + (values(3, 0.3)[t] as number)));
const advantage = values(4, 1);

const vector = (data: ArrayLike<number>): Tensor => Tensor.from(device, Float32Array.from(data), [data.length]);

/** Weights of the tokens in one row, from traces of the given lengths. */
function weightsOf(normalisation: Normalisation): number[] {
  let start = 0;
  const traces = LENGTHS.map((length) => {
    const forced = Uint8Array.from(trained.slice(start, start + length), (one) => 1 - one);
    start += length;
    return { promptIds: new Uint32Array(1), completionIds: new Uint32Array(length), forced };
  });
  return tokenWeights(traces, normalisation).flatMap((weights) => [...weights]);
}

interface Result {
  readonly loss: number;
  readonly gradient: number[];
  readonly kl: number;
  readonly clipped: number;
}

async function run(from: number, to: number, weights: number[], options: PolicyLossOptions): Promise<Result> {
  return scopeAsync(async () => {
    const part = (data: readonly number[]): Tensor => vector(data.slice(from, to));
    const logp = part(newLogp);
    let kl: Tensor | undefined;
    let clipped: Tensor | undefined;
    const { loss, gradients } = grad(() => {
      const result = policyLoss(
        {
          logp,
          entropy: part(advantage),
          oldLogp: part(oldLogp),
          refLogp: part(refLogp),
          sampledLogp: part(oldLogp),
          advantage: part(advantage),
          weight: part(weights),
          mask: part(trained),
        },
        options,
      );
      kl = result.kl;
      clipped = add(result.clippedLow!, result.clippedHigh!);
      return result.loss;
    }, [logp]);
    const [l, g, k, c] = await readAll([loss, gradients[0] as Tensor, kl as Tensor, clipped as Tensor]);
    return {
      loss: l?.[0] as number,
      gradient: [...(g as Float32Array)],
      kl: k?.[0] as number,
      clipped: c?.[0] as number,
    };
  });
}

const options = { clip: { low: 0.2, high: 0.3 }, klBeta: 0.07 };

describe.each([
  ['token', 'bnpo'],
  ['sequence', 'grpo'],
] as const)('policyLoss with %s normalisation', (normalisation, named) => {
  const tokens = { newLogp, oldLogp, refLogp, advantage, trained, sequence };
  const expected = referenceLoss(tokens, { ...options, normalisation: named, maxTokens: 9 });

  it('has the value and the gradient of the float64 reference', async () => {
    const actual = await run(0, sequence.length, weightsOf(normalisation), options);
    expect(actual.loss).toBeCloseTo(expected.loss, 6);
    const count = trained.filter((one) => one === 1).length;
    expect(actual.kl / count).toBeCloseTo(expected.kl, 6);
    expect(actual.clipped / count).toBeCloseTo(expected.clipped, 6);
    expect(expected.clipped).toBeGreaterThan(0.1);
    actual.gradient.forEach((g, t) => {
      expect(g).toBeCloseTo(expected.grad[t] as number, 6);
    });
  });

  it('adds up over micro-batches', async () => {
    const weights = weightsOf(normalisation);
    const parts = [
      await run(0, 5, weights, options),
      await run(5, 17, weights, options),
      await run(17, 18, weights, options),
    ];
    expect(parts.reduce((total, part) => total + part.loss, 0)).toBeCloseTo(expected.loss, 6);
    parts
      .flatMap((part) => part.gradient)
      .forEach((g, t) => {
        expect(g).toBeCloseTo(expected.grad[t] as number, 6);
      });
  });
});

describe('policyLoss', () => {
  const one = (logRatio: number, a: number, gap: number, klBeta: number): Promise<number> =>
    scopeAsync(async () =>
      readScalar(
        policyLoss(
          {
            logp: vector([logRatio]),
            entropy: vector([0]),
            oldLogp: vector([0]),
            refLogp: klBeta === 0 ? undefined : vector([gap]),
            sampledLogp: vector([0]),
            advantage: vector([a]),
            weight: vector([1]),
            mask: vector([1]),
          },
          { clip: { low: 0.2, high: 0.2 }, klBeta },
        ).loss,
      ),
    );

  it('T14: clips on the side that would go on gaining', async () => {
    expect(await one(Math.log(1.5), 1, 0, 0)).toBeCloseTo(-1.2, 5);
    expect(await one(Math.log(1.5), -1, 0, 0)).toBeCloseTo(1.5, 5);
    expect(await one(Math.log(0.5), 1, 0, 0)).toBeCloseTo(-0.5, 5);
    expect(await one(Math.log(0.5), -1, 0, 0)).toBeCloseTo(0.8, 5);
  });

  it('T15: estimates the divergence by k3', async () => {
    expect(await one(0, 0, 0.1, 1)).toBeCloseTo(0.00517, 5);
    expect(await one(0, 0, -0.1, 1)).toBeCloseTo(0.00484, 5);
  });

  it('has the gradient -A w where the policy is the one that sampled', async () => {
    await scopeAsync(async () => {
      const logp = vector([-1, -2, -3]);
      const { gradients } = grad(
        () =>
          policyLoss(
            {
              logp,
              entropy: vector([0, 0, 0]),
              oldLogp: undefined,
              refLogp: undefined,
              sampledLogp: vector([-1, -2, -2.5]),
              advantage: vector([2, -1, 5]),
              weight: vector([0.5, 0.5, 0]),
              mask: vector([1, 1, 0]),
            },
            { clip: { low: 0.2, high: 0.2 }, klBeta: 0 },
          ).loss,
        [logp],
      );
      const [gradient] = await readAll(gradients);
      [-1, 0.5, 0].forEach((expected, t) => {
        expect(gradient?.[t]).toBeCloseTo(expected, 6);
      });
    });
  });

  it('stays finite where rows without a target hold absurd log-probabilities', async () => {
    await scopeAsync(async () => {
      const logp = vector([-1, -300]);
      const { loss, gradients } = grad(
        () =>
          policyLoss(
            {
              logp,
              entropy: vector([0, 0]),
              oldLogp: vector([-1, 0]),
              refLogp: vector([-1.5, 0]),
              sampledLogp: vector([-1, 0]),
              advantage: vector([1, 0]),
              weight: vector([1, 0]),
              mask: vector([1, 0]),
            },
            { clip: { low: 0.2, high: 0.2 }, klBeta: 1 },
          ).loss,
        [logp],
      );
      const read = await readAll([loss, ...gradients]);
      for (const value of read.flatMap((data) => [...data])) expect(Number.isFinite(value)).toBe(true);
    });
  });
});
