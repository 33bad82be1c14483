import { describe, expect, it } from 'vitest';
import { type Claim, studyClaims } from '../../../src/study/report/claims.ts';
import { settingResults } from '../../../src/study/report/setting-results.ts';
import { countEstimate, shareEstimate } from '../../../src/study/report/study-estimate.ts';
import { type Constructed, constructedSeed, soundSeed } from './constructed-measures.ts';

/** The claims of five seeds that differ by a point each. */
function claimsOf(change: (seed: Constructed, i: number) => Partial<Constructed> = () => ({})): Claim[] {
  const seeds = [11, 12, 13, 14, 15].map((seed, i) => {
    const sound = soundSeed(seed, (i - 2) / 100);
    return constructedSeed({ ...sound, ...change(sound, i) });
  });
  return studyClaims(seeds, []);
}

const verdicts = (claims: readonly Claim[]): string[] => claims.map(({ verdict }) => verdict);

describe('the three claims', () => {
  it('hold where the interval over seeds is wholly above 0; the effect is the mean of paired differences', () => {
    const claims = claimsOf();
    expect(verdicts(claims)).toEqual(['holds', 'holds', 'holds']);
    const [trains, reranks, localises] = claims.map(({ effect }) => effect!);
    expect(trains).toMatchObject({ over: 'seeds', seeds: 5, n: 200, unit: 'problems' });
    expect(trains!.value).toBeCloseTo(0.13);
    // t with 4 degrees of freedom: 2.776; the standard deviation of -2 ... 2 points is the root of 2.5.
    expect(trains!.high! - trains!.value).toBeCloseTo((2.7764 * Math.sqrt(2.5 / 5)) / 100, 5);
    expect(trains!.hierarchical!.low).toBeGreaterThan(0);
    expect(reranks!.value).toBeCloseTo(0.23);
    // Against the strongest of the baselines, which is log-probability.
    expect(localises).toMatchObject({ unit: 'traces', n: 500 });
    expect(localises!.value).toBeCloseTo(0.41);
  });

  it('do not hold where it is wholly at or below 0, and cannot be told where it holds 0', () => {
    const worse = claimsOf(({ pass, rerank, natural }, i) => ({
      pass: { ...pass, 'irl-interval': 0.5 + i / 100 },
      rerank: { ...rerank!, 'critic irl-step': 0.5 + i / 100 },
      natural: { ...natural!, 'critic irl-step': 30 + i },
    }));
    expect(verdicts(worse)).toEqual(['does not hold', 'does not hold', 'does not hold']);
    expect(worse[0]!.sentence).toContain('fewer problems in a hundred than SFT on the mean of 5 seeds.');
    const even = claimsOf(({ pass, rerank, natural }, i) => ({
      pass: { ...pass, 'irl-interval': 0.56 + (i - 2) / 10 },
      rerank: { ...rerank!, 'critic irl-step': 0.58 + (i - 2) / 10 },
      natural: { ...natural!, 'critic irl-step': 55 + 10 * (i - 2) },
    }));
    expect(verdicts(even)).toEqual(['cannot be told', 'cannot be told', 'cannot be told']);
    expect(even[0]!.sentence).toContain('which they cannot tell from none');
    const equal = claimsOf(({ pass }) => ({ pass: { ...pass, 'irl-interval': pass.sft! } }));
    expect(equal[0]!.verdict).toBe('does not hold');
  });

  it('localisation has to beat every baseline, also one that is not the strongest', () => {
    const [, , claim] = claimsOf(({ natural }, i) => ({
      natural: { ...natural!, 'always-first': 50 + (i % 2 === 0 ? 40 : -40), 'log-probability': 60 },
    }));
    expect(claim!.further.find(({ name }) => name === 'minus log-probability drop')!.verdict).toBe('holds');
    expect(claim!.verdict).toBe('cannot be told');
    expect(claim!.sentence).toContain('Against always the first line: cannot be told.');
  });

  it('cannot be told from one seed, whose interval is over problems or traces', () => {
    const claims = studyClaims([constructedSeed(soundSeed(11))], []);
    expect(verdicts(claims)).toEqual(['cannot be told', 'cannot be told', 'cannot be told']);
    expect(claims.map(({ effect }) => effect!.over)).toEqual(['problems', 'problems', 'traces']);
    expect(claims[0]!.effect!.low).toBeGreaterThan(0);
    expect(claims[0]!.sentence).toContain('a single training run cannot tell');
  });

  it('cannot be told where an arm, a critic or a baseline is missing, and pair only the seeds that have both', () => {
    const none = studyClaims([], []);
    expect(verdicts(none)).toEqual(['cannot be told', 'cannot be told', 'cannot be told']);
    expect(none[0]!.sentence).toBe('It was not measured.');
    const { 'irl-interval': _, ...others } = soundSeed(12).pass;
    const claims = claimsOf(({ natural }, i) => ({
      ...(i === 1 ? { pass: others } : {}),
      natural: { 'critic irl-step': natural!['critic irl-step']!, 'always-first': 37 },
    }));
    expect(claims[0]!.effect!.bySeed.map(({ seed }) => seed)).toEqual([11, 13, 14, 15]);
    expect(claims[2]!.verdict).toBe('cannot be told');
  });

  it('tell on which seeds the training of their arm failed', () => {
    const { 'irl-interval': _, ...others } = soundSeed(12).pass;
    const failed = [{ arm: 'irl-interval', message: 'step 7: expected finite gradients, got NaN' }];
    const [trains, reranks] = claimsOf((_, i) => (i === 1 ? { pass: others, failed } : {}));
    expect(trains!.effect!.bySeed.map(({ seed }) => seed)).toEqual([11, 13, 14, 15]);
    expect(trains!.caveats[0]).toBe(
      'The training of R-AIRL interval failed on seed 12: the effect is of the other seeds alone.',
    );
    expect(reranks!.effect!.seeds).toBe(5);
    expect(reranks!.caveats[0]).not.toContain('failed');
  });

  it('tell where the gain lies, and what the base’s own proof-reading does without a critic', () => {
    const [trains, reranks, localises] = claimsOf();
    expect(trains!.caveats[0]).toContain(
      'The whole gain lies on problems with facts that no demonstration shows: +18.0',
    );
    expect(reranks!.caveats[0]).toContain('what the critic adds to the base’s own judgement is not shown');
    expect(localises!.caveats[0]).toContain('-3.0');
    const [flat] = claimsOf(() => ({ tilt: 0 }));
    expect(flat!.caveats[0]).toContain('The difference is not larger on problems with facts');
  });

  it('tell what becomes of them in setting O', () => {
    const sound = [11, 12, 13].map((seed, i) => constructedSeed(soundSeed(seed, i / 100)));
    const open = [11, 12, 13].map((seed, i) => {
      const { pass, ...rest } = soundSeed(seed);
      return constructedSeed({ ...rest, setting: 'open', pass: { ...pass, 'irl-interval': 0.45 + i / 100 } });
    });
    const [trains] = studyClaims(sound, open);
    expect(trains!.verdict).toBe('holds');
    expect(trains!.caveats.at(-1)).toContain('by the same rule it does not hold there');
  });
});

it('the interval of a share ends where shares do', () => {
  const counts = [11, 12].map((seed, i) => ({ seed, hits: 80 + 18 * i, n: 100 }));
  expect(countEstimate(counts)).toMatchObject({ low: 0, high: 1, over: 'seeds' });
  const aurocs = counts.map(({ seed, hits, n }) => ({ seed, value: hits / 100, n }));
  expect(shareEstimate(aurocs)).toMatchObject({ value: 0.89, low: 0, high: 1, over: 'seeds' });
  const wellFormed = { 'irl-step': 0.91 };
  const uneven = [soundSeed(11), { ...soundSeed(12), wellFormed }].map(constructedSeed);
  const step = settingResults(uneven).policies.find(({ name }) => name === 'irl-step');
  expect(step?.wellFormed?.high).toBe(1);
});
