import { Rng } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import {
  aurocByPrompt,
  brierByPrompt,
  eceByPrompt,
  reliabilityBins,
  type Scored,
  scoreProbability,
} from '../../src/metrics/calibration.ts';
import { fitIsotonic, fitTemperature } from '../../src/metrics/scaling.ts';

const SCORES = [-3, -2, -1, 0.5, 1, 2, 3, 4];
const LABELS = [0, 0, 1, 0, 1, 1, 0, 1];
const samples: Scored[] = SCORES.map((score, prompt) => ({ score, correct: LABELS[prompt] === 1, prompt }));

/** Verdicts drawn with the probability of half the score: twice too sure of itself. */
function overconfident(count: number, step: number): Scored[] {
  const rng = new Rng(3, step);
  return Array.from({ length: count }, (_, prompt) => {
    const score = 4 * rng.normal(0, prompt);
    return { score, correct: rng.uniform(1, prompt) < scoreProbability(score / 2), prompt };
  });
}

describe('scaling', () => {
  it('finds the temperature of least cross-entropy', () => {
    // SciPy 1.17.1, optimize.minimize_scalar.
    expect(fitTemperature(samples).temperature).toBeCloseTo(2.644767, 4);
  });

  it('gives up on scores that say the opposite, and on perfect ones says so', () => {
    const opposite = samples.map((one) => ({ ...one, score: -one.score }));
    expect(fitTemperature(opposite).temperature).toBe(Number.POSITIVE_INFINITY);
    expect(fitTemperature(opposite).toProbability(9)).toBe(0.5);
    const perfect = samples.map((one) => ({ ...one, correct: one.score > 0 }));
    expect(fitTemperature(perfect).temperature).toBeCloseTo(1e-4, 12);
  });

  it('fits the rising function of least squares', () => {
    // SciPy 1.17.1, optimize.isotonic_regression.
    const want = [0, 0, 0.5, 0.5, 2 / 3, 2 / 3, 2 / 3, 1];
    const { toProbability } = fitIsotonic(samples);
    for (const [i, score] of SCORES.entries()) expect(toProbability(score)).toBeCloseTo(want[i]!, 12);
    expect(toProbability(-99)).toBe(0);
    expect(toProbability(-1.5)).toBeCloseTo(0.25, 12);
  });

  it('gives equal scores one probability', () => {
    const { toProbability } = fitIsotonic([
      { score: 1, correct: true, prompt: 0 },
      { score: 1, correct: false, prompt: 1 },
    ]);
    expect(toProbability(1)).toBe(0.5);
  });

  it('fitted on some prompts, calibrates the scores of others', () => {
    const [dev, test] = [overconfident(2000, 1), overconfident(2000, 2)];
    const one = new Uint8Array(2000).fill(1);
    const raw = eceByPrompt(test)(one);
    const scaled = fitTemperature(dev);
    expect(scaled.temperature).toBeGreaterThan(1.8);
    expect(scaled.temperature).toBeLessThan(2.2);
    for (const { toProbability } of [scaled, fitIsotonic(dev)]) {
      expect(eceByPrompt(test, toProbability)(one)).toBeLessThan(raw / 2);
      expect(brierByPrompt(test, toProbability)(one)).toBeLessThan(brierByPrompt(test)(one));
    }
  });
});

describe('calibration numbers', () => {
  it('agree with their definitions', () => {
    const one = new Uint8Array(8).fill(1);
    const brier = samples.reduce(
      (sum, { score, correct }) => sum + (scoreProbability(score) - Number(correct)) ** 2,
      0,
    );
    expect(brierByPrompt(samples)(one)).toBeCloseTo(brier / 8, 12);
    const bins = reliabilityBins(samples);
    expect(bins.reduce((sum, bin) => sum + bin.samples, 0)).toBe(8);
    const ece = bins.reduce(
      (sum, bin) => sum + (bin.samples / 8) * Math.abs((bin.accuracy ?? 0) - (bin.meanProbability ?? 0)),
      0,
    );
    expect(eceByPrompt(samples)(one)).toBeCloseTo(ece, 12);
  });

  it('of AUROC do not change under a rising function of the scores', () => {
    const one = new Uint8Array(8).fill(1);
    const risen = samples.map((sample) => ({ ...sample, score: sample.score ** 3 + 5 }));
    expect(aurocByPrompt(risen)(one)).toBe(aurocByPrompt(samples)(one));
  });
});
