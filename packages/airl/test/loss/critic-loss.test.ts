import { grad } from '@dawngrad/autograd';
import { type Device, Rng, readAll, scopeAsync, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { criticLoss, criticTargets } from '../../src/loss/critic-loss.ts';
import { balancedBce } from '../../src/loss/reference.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** Loss and gradient of logits given in rows; positives first. `split` cuts the rows into two micro-batches. */
async function run(positive: number[], negative: number[], smoothing: number, split: number): Promise<number[]> {
  const classes = criticTargets(positive.length, negative.length, smoothing);
  const rows = [
    ...positive.map((logit) => ({ logit, ...classes.positive })),
    ...negative.map((logit) => ({ logit, ...classes.negative })),
  ];
  const parts = [rows.slice(0, split), rows.slice(split)].filter((part) => part.length > 0);
  let total = 0;
  const gradient: number[] = [];
  for (const part of parts) {
    await scopeAsync(async () => {
      const vector = (data: number[]): Tensor => Tensor.from(device, data, [data.length]);
      const logits = vector(part.map(({ logit }) => logit));
      const targets = vector(part.map(({ target }) => target));
      const weights = vector(part.map(({ weight }) => weight));
      const { loss, gradients } = grad(() => criticLoss(logits, targets, weights), [logits]);
      const [l, g] = await readAll([loss, gradients[0] as Tensor]);
      total += l?.[0] as number;
      gradient.push(...(g as Float32Array));
    });
  }
  return [total, ...gradient];
}

function expectClose(actual: number[], expected: number[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] as number, 5);
  });
}

describe('criticLoss', () => {
  it('T1 to T3: has the published values and gradients', async () => {
    expectClose(await run([0], [0, 0], 0.1, 3), [Math.LN2, -0.2, 0.1, 0.1]);
    expectClose(await run([2], [-1, 1], 0.1, 3), [0.57009, -0.0096, 0.04224, 0.15776]);
  });

  it('agrees with the float64 reference, however the rows are cut', async () => {
    const rng = new Rng(5, 2);
    const positive = Array.from({ length: 7 }, (_, i) => rng.normal(0, i) * 3);
    const negative = Array.from({ length: 30 }, (_, i) => rng.normal(1, i) * 3);
    const { loss, gradPositive, gradNegative } = balancedBce(positive, negative, 0.1);
    for (const split of [37, 3, 20]) {
      expectClose(await run(positive, negative, 0.1, split), [loss, ...gradPositive, ...gradNegative]);
    }
  });

  it('does not overflow at logits far outside', async () => {
    const [loss] = await run([-1000], [1000], 0.1, 2);
    expect(loss).toBeCloseTo(900, 2);
  });

  it('refuses an update without one of the classes', () => {
    expect(() => criticTargets(0, 4, 0.1)).toThrow(/positive/);
    expect(() => criticTargets(4, 0, 0.1)).toThrow(/negative/);
  });
});
