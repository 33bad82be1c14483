import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aurocByPrompt, eceByPrompt, type Scored, scoreProbability } from '../../src/metrics/calibration.ts';

const logit = (p: number): number => Math.log(p / (1 - p));
const labels = [true, false, false, true];
const samples: Scored[] = [0.95, 0.85, 0.15, 0.35].map((p, i) => ({ score: logit(p), correct: labels[i]!, prompt: i }));

describe('calibration', () => {
  it('has the values of T22', () => {
    expect(eceByPrompt(samples)([1, 1, 1, 1])).toBeCloseTo(0.425, 10);
    expect(aurocByPrompt(samples)([1, 1, 1, 1])).toBe(0.75);
  });

  it('does not overflow, and keeps 0 and 1 in the outer bins', () => {
    expect(scoreProbability(1e9)).toBeCloseTo(1, 12);
    expect(scoreProbability(-1e9)).toBeCloseTo(0, 12);
    const sure: Scored[] = [
      { score: -1e9, correct: false, prompt: 0 },
      { score: 1e9, correct: true, prompt: 1 },
    ];
    expect(eceByPrompt(sure)([1, 1])).toBeCloseTo(0, 12);
  });

  it('is not a number for one class only', () => {
    expect(aurocByPrompt([{ score: 1, correct: true, prompt: 0 }])([1])).toBeNaN();
  });

  const drawn = fc.array(
    fc.record({ score: fc.integer({ min: -3, max: 3 }), correct: fc.boolean(), prompt: fc.nat(4) }),
    {
      minLength: 2,
      maxLength: 30,
    },
  );

  it('of AUROC equals the share of won pairs, under prompt weights', () => {
    fc.assert(
      fc.property(drawn, fc.array(fc.nat(3), { minLength: 5, maxLength: 5 }), (rows, weights) => {
        let wins = 0;
        let pairs = 0;
        for (const right of rows.filter((one) => one.correct)) {
          for (const wrong of rows.filter((one) => !one.correct)) {
            const weight = weights[right.prompt]! * weights[wrong.prompt]!;
            pairs += weight;
            if (right.score > wrong.score) wins += weight;
            if (right.score === wrong.score) wins += weight / 2;
          }
        }
        const got = aurocByPrompt(rows)(weights);
        if (pairs === 0) expect(got).toBeNaN();
        else expect(got).toBeCloseTo(wins / pairs, 10);
      }),
    );
  });
});
