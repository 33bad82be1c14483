import { describe, expect, it } from 'vitest';
import {
  balancedBce,
  bce,
  clippedSurrogate,
  k3,
  type Normalisation,
  optimalLogit,
  type PolicyTokens,
  pairwiseLoss,
  policyLoss,
} from '../../src/loss/reference.ts';

/** Central difference of a function of one entry of a list. */
function slope(values: readonly number[], i: number, f: (values: number[]) => number): number {
  const step = 1e-6;
  const at = (shift: number): number => f(values.with(i, (values[i] as number) + shift));
  return (at(step) - at(-step)) / (2 * step);
}

describe('balancedBce', () => {
  it('T1: is log 2 where the critic knows nothing', () => {
    expect(balancedBce([0], [0, 0], 0.1).loss).toBeCloseTo(Math.LN2, 4);
  });

  it('T2: balances the classes', () => {
    expect(bce(2, 0.9)).toBeCloseTo(0.32693, 5);
    expect(bce(-1, 0.1)).toBeCloseTo(0.41326, 5);
    expect(bce(1, 0.1)).toBeCloseTo(1.21326, 5);
    expect(balancedBce([2], [-1, 1], 0.1).loss).toBeCloseTo(0.57009, 5);
  });

  it('T3: has the gradients of the closed form', () => {
    const { gradPositive, gradNegative } = balancedBce([2], [-1, 1], 0.1);
    expect(gradPositive[0]).toBeCloseTo(-0.0096, 5);
    expect(gradNegative[0]).toBeCloseTo(0.04224, 5);
    expect(gradNegative[1]).toBeCloseTo(0.15776, 5);
    expect(gradNegative[1]).toBeCloseTo(
      slope([-1, 1], 1, (negative) => balancedBce([2], negative, 0.1).loss),
      8,
    );
  });

  it('T4: is least at the log-odds of the smoothed densities', () => {
    expect(optimalLogit(0.8, 0.2, 0.1)).toBeCloseTo(1.04597, 5);
    expect(optimalLogit(0.8, 0.2, 0)).toBeCloseTo(1.38629, 5);
    expect(optimalLogit(0.8, 0, 0.1)).toBeCloseTo(2.19722, 5);
    // A trace that experts write with .8 and the policy with .2, all other traces left out.
    const loss = (f: number): number => 0.8 * bce(f, 0.9) + 0.2 * bce(f, 0.1);
    const best = optimalLogit(0.8, 0.2, 0.1);
    expect(slope([best], 0, ([f]) => loss(f as number))).toBeCloseTo(0, 8);
  });

  it('does not overflow', () => {
    expect(balancedBce([-1000], [1000], 0.1).loss).toBeCloseTo(900, 6);
  });
});

describe('pairwiseLoss', () => {
  it('T5: values with and without margin, and at a tie', () => {
    expect(pairwiseLoss([1], [-1], 0).loss).toBeCloseTo(0.12693, 5);
    expect(pairwiseLoss([1], [-1], 0.5).loss).toBeCloseTo(0.20141, 5);
    expect(pairwiseLoss([0], [0], 0).loss).toBeCloseTo(Math.LN2, 5);
  });

  it('has the gradients of its differences', () => {
    const expert = [0.3, -0.2];
    const policy = [0.1, 0.5, -1];
    const { gradExpert, gradPolicy } = pairwiseLoss(expert, policy, 0.2);
    gradExpert.forEach((grad, i) => {
      expect(grad).toBeCloseTo(
        slope(expert, i, (values) => pairwiseLoss(values, policy, 0.2).loss),
        8,
      );
    });
    gradPolicy.forEach((grad, i) => {
      expect(grad).toBeCloseTo(
        slope(policy, i, (values) => pairwiseLoss(expert, values, 0.2).loss),
        8,
      );
    });
  });
});

describe('clippedSurrogate', () => {
  it('T14: is flat only where moving on would gain', () => {
    const clip = { low: 0.2, high: 0.2 };
    const cases: [number, number][] = [
      [1.5, 1],
      [1.5, -1],
      [0.5, 1],
      [0.5, -1],
    ];
    expect(cases.map(([ratio, advantage]) => clippedSurrogate(ratio, advantage, clip))).toEqual([-1.2, 1.5, -0.5, 0.8]);
  });
});

describe('k3', () => {
  it('T15: is positive on both sides', () => {
    expect(k3(0.1)).toBeCloseTo(0.00517, 5);
    expect(k3(-0.1)).toBeCloseTo(0.00484, 5);
    expect(k3(0)).toBe(0);
  });
});

describe('policyLoss', () => {
  const tokens: PolicyTokens = {
    newLogp: [-1, -0.2, -2, -0.5, -1.4, -0.9],
    oldLogp: [-1.1, -0.7, -1.2, -0.5, -1.3, -0.1],
    refLogp: [-0.8, -0.3, -2.5, -0.4, -1.2, -0.2],
    advantage: [1, 0.5, 0.7, -1, -0.4, 3],
    trained: [1, 1, 1, 1, 1, 0],
    sequence: [0, 0, 0, 0, 1, 1],
  };
  const options = (normalisation: Normalisation) => ({
    clip: { low: 0.2, high: 0.2 },
    klBeta: 0.05,
    normalisation,
    maxTokens: 10,
  });

  it.each(['grpo', 'bnpo', 'dr_grpo'] as const)('%s has the gradient of its differences', (normalisation) => {
    const { grad } = policyLoss(tokens, options(normalisation));
    grad.forEach((value, t) => {
      const numeric = slope(
        tokens.newLogp,
        t,
        (newLogp) => policyLoss({ ...tokens, newLogp }, options(normalisation)).loss,
      );
      expect(value).toBeCloseTo(numeric, 7);
    });
    expect(grad[5]).toBe(0);
  });

  it('counts the token whose ratio is past the clip on the gaining side', () => {
    // Ratio e^0.5 = 1.65 with a positive advantage; e^-0.8 = .45 with a positive one is not flat.
    expect(policyLoss(tokens, options('bnpo')).clipped).toBeCloseTo(1 / 5);
  });

  it('weighs tokens alike in bnpo and sequences alike in grpo', () => {
    const flat = { ...tokens, newLogp: tokens.oldLogp, refLogp: tokens.oldLogp, advantage: [1, 1, 1, 1, 1, 1] };
    expect(policyLoss(flat, options('bnpo')).grad.slice(0, 5)).toEqual(Array(5).fill(-0.2));
    expect(policyLoss(flat, options('grpo')).grad).toEqual([-0.125, -0.125, -0.125, -0.125, -0.5, 0]);
    expect(policyLoss(flat, options('dr_grpo')).grad.slice(0, 5)).toEqual(Array(5).fill(-0.05));
  });
});
