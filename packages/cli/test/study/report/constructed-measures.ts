import type { CostRecord } from '../../../src/study/report/study-cost.ts';
import type { SeedMeasures } from '../../../src/study/seed-measures.ts';

/** What a constructed seed is to show; shares of 1. */
export interface Constructed {
  readonly seed: number;
  readonly setting?: SeedMeasures['setting'];
  /** pass@1 at temperature 1 by policy; at 0.5 it is 0.05 more. */
  readonly pass: Readonly<Record<string, number>>;
  /** What R-AIRL has less on covered problems, and more on the others. */
  readonly tilt?: number;
  readonly wellFormed?: Readonly<Record<string, number>>;
  readonly fudged?: Readonly<Record<string, number>>;
  /** Reward of the first and the last rounds, by arm. */
  readonly rewards?: Readonly<Record<string, readonly [number, number]>>;
  /** Best of 16 SFT samples by selector. */
  readonly rerank?: Readonly<Record<string, number>>;
  /** Hits of a hundred natural errors by signal; chance is 25. */
  readonly natural?: Readonly<Record<string, number>>;
  /** Arms whose training failed. */
  readonly failed?: SeedMeasures['failed'];
}

const PROBLEMS = 40;
const COVERED = 10;

/** Measures whose means are the numbers given, spread evenly over the problems. */
export function constructedSeed(given: Constructed): SeedMeasures {
  const { seed, setting = 'tool', pass, tilt = 0, wellFormed = {}, fudged = {}, rewards = {} } = given;
  const isCovered = Array.from({ length: PROBLEMS }, (_, p) => p < COVERED);
  const perProblem = (mean: number, lean = 0): number[] =>
    isCovered.map((covered, p) => mean + (p % 2 === 0 ? 0.02 : -0.02) + (covered ? -3 * lean : lean));
  return {
    seed,
    setting,
    coverage: 0.54,
    isCovered,
    policies: Object.entries(pass).flatMap(([name, mean]) =>
      [1, 0.5].map((temperature) => ({
        name,
        temperature,
        samplesPerProblem: 16,
        perProblem: perProblem(mean + (temperature === 1 ? 0 : 0.05), name.startsWith('irl-') ? tilt : 0),
        wellFormed: wellFormed[name] ?? 0.99,
        fudgedPerSample: fudged[name] ?? 0,
        withFudged: Math.min(1, fudged[name] ?? 0),
        fullyRight: mean - 0.1,
      })),
    ),
    rerank: Object.entries(given.rerank ?? {}).flatMap(([selector, mean]) =>
      [4, 16].map((n) => ({ policy: 'sft', n, selector, perProblem: perProblem(n === 16 ? mean : mean - 0.05) })),
    ),
    auroc: Object.keys(given.rerank ?? {})
      .filter((selector) => selector.startsWith('critic '))
      .map((scorer) => ({ scorer, policy: 'sft', value: 0.93 })),
    localise: Object.entries(given.natural ?? {}).flatMap(([signal, hits]) => {
      const rules =
        signal === 'always-first' ? (['always-first'] as const) : (['drop', 'lowest', 'threshold'] as const);
      return rules.map((rule) => ({
        kind: 'natural' as const,
        localiser: `${signal}, ${rule}`,
        signal,
        rule,
        hits,
        n: 100,
        chance: 0.25,
      }));
    }),
    longer: [5, 6].flatMap((steps) => [
      { steps, name: 'sft', kind: 'pass@1' as const, value: 0.4, perProblem: perProblem(0.4) },
      { steps, name: 'sft', kind: 'well-formed' as const, value: 0.31 },
      { steps, name: 'critic irl-interval', kind: 'auroc' as const, value: 0.87 },
      { steps, name: 'critic irl-interval, drop', kind: 'first error' as const, value: 0.72 },
      { steps, name: 'critic irl-interval, lowest', kind: 'first error' as const, value: 0.123 },
    ]),
    training: Object.keys(pass)
      .filter((name) => name !== 'base')
      .map((arm) => ({
        arm,
        rounds: arm === 'sft' ? 120 : 50,
        lastAccuracy: arm === 'sft' ? null : (pass[arm] ?? null),
        bestAccuracy: arm === 'sft' ? null : (pass[arm] ?? null),
        firstReward: rewards[arm]?.[0] ?? null,
        lastReward: rewards[arm]?.[1] ?? null,
        lastKl: arm === 'sft' ? null : 0.2,
      })),
    ...(given.failed === undefined ? {} : { failed: given.failed }),
  };
}

/** A study in which everything comes out as the paper has it, with seeds that differ a little. */
export function soundSeed(seed: number, shift = 0): Constructed {
  return {
    seed,
    pass: {
      base: 0.39,
      sft: 0.56,
      grpo: 0.68 + shift,
      'irl-sparse': 0.57 + shift,
      'irl-step': 0.68 + shift,
      'irl-interval': 0.69 + shift,
      'irl-dense': 0.69 + shift,
      'irl-step-segment': 0.68 + shift,
      'irl-interval-relabel': 0.55 + shift,
    },
    tilt: 0.05,
    rerank: {
      mean: 0.58,
      majority: 0.62,
      'proof-reading': 0.8,
      'critic irl-step': 0.81 + shift,
      'critic irl-interval': 0.78 + shift,
      oracle: 0.88,
    },
    natural: {
      'always-first': 37,
      'log-probability': 55,
      'proof-reading': 99,
      'critic irl-step': 96 + Math.round(100 * shift),
      'critic irl-interval': 90,
    },
  };
}

/** What two parts took. */
export const CONSTRUCTED_PARTS: readonly CostRecord[] = [
  {
    kind: 'base',
    seed: 11,
    flops: 2e12,
    tokens: 2.8e6,
    wallSeconds: 90,
    commit: '0123abcd',
    adapter: 'llvmpipe (LLVM 19.1.7, 256 bits)',
    driver: 'chosen by Dawn',
  },
  {
    kind: 'irl',
    seed: 11,
    flops: 1e12,
    tokens: 1.5e6,
    wallSeconds: 75,
    commit: '0123abcd',
    adapter: 'llvmpipe (LLVM 19.1.7, 256 bits)',
    driver: 'chosen by Dawn',
  },
];
