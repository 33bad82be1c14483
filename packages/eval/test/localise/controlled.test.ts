import { describe, expect, it } from 'vitest';
import { measurePairs, summariseControlled } from '../../src/localise/controlled-summary.ts';
import { deltaMetrics, hitAmongLargest } from '../../src/localise/delta-metrics.ts';
import { chanceHit } from '../../src/localise/grid.ts';
import { pairDetail } from '../../src/localise/pair-detail.ts';
import type { ScoredPair } from '../../src/localise/scored-pair.ts';
import { fitPositionScale, stabilise, stabilisedMetrics } from '../../src/localise/stabilise.ts';
import { subsets } from './enumerate.ts';
import { falling, OPTIONS, pair, signals } from './pairs.ts';

const LENGTH = 60;
const flat = (value: number): number[] => new Array<number>(LENGTH).fill(value);

/** A trace whose critic falls exactly at its change and whose log-probability falls elsewhere. */
function constructed(promptId: string, change: number, severity = 1, low = -1): ScoredPair {
  return pair({
    promptId,
    severity,
    changed: [change],
    clean: signals({ critic: flat(1), logp: flat(-1) }),
    edited: signals({
      critic: falling(LENGTH, change, 1, low),
      logp: falling(LENGTH, 5),
      entropy: falling(LENGTH, 50, 0, 2),
    }),
  });
}

const PAIRS = [constructed('a', 20), constructed('b', 33), constructed('c', 44)].map((one, promptIdx) => ({
  ...one,
  promptIdx,
}));

function summary(pairs: readonly ScoredPair[], options = OPTIONS) {
  return summariseControlled(measurePairs(pairs, options), options);
}

function hits(pairs: readonly ScoredPair[], interval: number, window: number, options = OPTIONS) {
  const rows = summary(pairs, options).headline.rows.filter((row) => row.interval === interval);
  return Object.fromEntries(
    rows.map(({ localiser, windows }) => [localiser, windows.find((one) => one.window === window)!.hit!.value]),
  );
}

describe('controlled edits', () => {
  it('finds a constructed drop with the critic, and not with signals that change elsewhere', () => {
    expect(hits(PAIRS, 1, 1)).toMatchObject({
      'critic, largest drop': 1,
      'critic, clean - edited': 1,
      'log-probability drop': 0,
      'entropy rise': 0,
      'always first': 0,
    });
  });

  it('judges all localisers and chance on the same grid (D27)', () => {
    const chance = (window: number, interval: number): number =>
      PAIRS.reduce((sum, { changed }) => sum + chanceHit(LENGTH, changed, { interval, window }), 0) / PAIRS.length;
    expect(hits(PAIRS, 1, 7).chance).toBeCloseTo(chance(7, 1), 12);
    expect(hits(PAIRS, 15, 7).chance).toBeCloseTo(chance(7, 15), 12);
    // Bucket 0 is within one of bucket 1: the log-probability's fall at token 5 hits the change at 20.
    expect(hits(PAIRS, 15, 1)['log-probability drop']).toBeCloseTo(1 / 3, 12);
    for (const row of summary(PAIRS).headline.rows) {
      expect(row.n).toBe(PAIRS.length);
      const perfect = row.localiser.startsWith('critic');
      for (const { above_chance } of row.windows) {
        if (row.localiser === 'chance') expect(above_chance!.value).toBeCloseTo(0, 12);
        if (perfect) expect(above_chance!.value).toBeCloseTo(1, 12);
      }
    }
  });

  it('counts wins, ties and pairs that no edit changed', () => {
    const tie = pair({
      promptId: 'd',
      changed: [],
      clean: signals({ critic: flat(1) }),
      edited: signals({ critic: flat(1) }),
    });
    const { overall, localization } = summary([...PAIRS, tie]);
    expect(overall).toMatchObject({ n_pairs: 4, win_rate: 0.75, tie_rate: 0.25, n_unchanged: 1 });
    expect(localization).toMatchObject({ n_pairs: 3 });
  });

  it('measures how the score goes with severity', () => {
    const levels = [1, 2, 3].map((severity) => constructed('a', 20, severity, -severity));
    const against = [1, 2, 3].map((severity) => constructed('b', 20, severity, severity - 5));
    const { monotonicity, by_severity } = summary([...levels, ...against]);
    expect(monotonicity).toEqual({ n_prompts: 2, mean_spearman_rho: 0, nonincreasing_rate: 0.5 });
    expect(Object.keys(by_severity)).toEqual(['1', '2', '3']);
    // One of them is flat: it has no correlation, and does not increase.
    const same = [1, 2].map((severity) => constructed('c', 20, severity));
    expect(summary(same).monotonicity).toEqual({ n_prompts: 1, mean_spearman_rho: null, nonincreasing_rate: 1 });
  });

  it('is the same in any order of the pairs', () => {
    const more = PAIRS.map((one) => ({ ...one, severity: 2, changed: [one.changed[0]! + 1] }));
    const pairs = [...PAIRS, ...more];
    expect(JSON.stringify(summary([...pairs].reverse()))).toBe(JSON.stringify(summary(pairs)));
  });

  it('fits the threshold on dev prompts alone, and leaves them out of every number', () => {
    const options = { ...OPTIONS, devPrompts: new Set(['a']) };
    const result = summary(PAIRS, options);
    expect(result.overall.n_pairs).toBe(2);
    expect(result.headline.threshold).toBeGreaterThan(-1);
    expect(result.headline.threshold).toBeLessThan(1);
    expect(hits(PAIRS, 1, 1, options)['critic, below threshold']).toBe(1);
    expect(hits(PAIRS, 1, 1)).not.toHaveProperty('critic, below threshold');
  });

  it('writes the published fields of a pair, null where a number is not defined', () => {
    const [first] = measurePairs(PAIRS, OPTIONS);
    const detail = JSON.parse(JSON.stringify(pairDetail(first!.pair, first!.metrics, OPTIONS)));
    expect(detail).toMatchObject({
      prompt_idx: 0,
      severity: 1,
      variant_idx: 0,
      clean_text: 'clean',
      pert_text: 'edited',
      changed_token_positions: [20],
      margin: (2 * 40) / 60,
      win: 1,
      localization_mode: 'token',
      total_unit_count: 60,
      local_unit_count: 3,
    });
    expect(detail.hit_at_random[1]).toBeCloseTo(3 / 60, 12);
    expect(detail.clean_score_seq).toHaveLength(LENGTH);
    const unchanged = { ...PAIRS[0]!, changed: [] };
    const [none] = measurePairs([unchanged], OPTIONS);
    expect(pairDetail(unchanged, none!.metrics, OPTIONS)).toMatchObject({
      localization_gap: null,
      hit_at: { 1: null },
    });
  });
});

describe('delta of a pair', () => {
  it('has means inside and outside the window, and the chance of its hits', () => {
    const metrics = deltaMetrics([1, 1, 1, 1, 1], [1, 0, -3, 0, 1], [2], { interval: 1, window: 1 }, [1, 2]);
    expect(metrics.localDrop).toBeCloseTo(2, 12);
    expect(metrics.farDrop).toBe(0);
    expect(metrics.gap).toBeCloseTo(2, 12);
    expect(metrics.hitAt).toEqual({ 1: 1, 2: 1 });
    expect(metrics.hitAtRandom[1]).toBeCloseTo(3 / 5, 12);
    expect(metrics.hitAtRandom[2]).toBeCloseTo(1 - 1 / 10, 12);
  });

  it('averages a hit over the orders of ties, by going through all of them', () => {
    const values = [2, 1, 1, 1, 0];
    for (const marked of subsets(5, 2)) {
      const isMarked = values.map((_, i) => marked.includes(i));
      for (const k of [1, 2, 3, 4]) {
        // Of the k largest, the first is 0 and the others are any of the three ties; then 4.
        const rest = subsets(3, Math.min(3, k - 1)).map((draw) => [0, ...draw.map((i) => i + 1)]);
        const hit = rest.filter((draw) => draw.some((i) => isMarked[i])).length / rest.length;
        expect(hitAmongLargest(values, isMarked, k)).toBeCloseTo(hit, 12);
      }
    }
  });
});

describe('stabilised scores', () => {
  it('are z-scores for their place: median and deviation of each part, of all where a part has no spread', () => {
    const scale = fitPositionScale(
      [
        [1, 2, 10, 10],
        [3, 4, 10, 10],
      ],
      2,
      'robust',
    );
    expect(scale.centre).toEqual([2.5, 10]);
    expect(scale.spread[0]).toBeCloseTo(1.4826, 12);
    // All eight: median 7, absolute deviations 6 5 4 3 3 3 3 3, their median 3.
    expect(scale.spread[1]).toBeCloseTo(1.4826 * 3, 12);
    const standard = fitPositionScale([[1, 3]], 1, 'standard');
    expect(stabilise([1, 3, 5], { centre: standard.centre, spread: standard.spread }, 1)).toEqual([-1, 1, 3]);
  });

  it('are smoothed over the neighbours that there are', () => {
    expect(stabilise([3, 0, 0, 6], { centre: [0], spread: [1] }, 3)).toEqual([1.5, 1, 2, 3]);
  });

  it('have an onset where the difference stays up, its lag, and false alarms before the change', () => {
    const zero = new Array<number>(8).fill(0);
    const rule = { threshold: 1, persistence: 2 };
    const grid = { interval: 1, window: 1 };
    const at = stabilisedMetrics(zero, [0, 0, 0, -5, 0, -5, -5, 0], [3], grid, rule)!;
    expect(at).toMatchObject({ onset: 5, onsetLag: 2, isFalseAlarm: false, threshold: 1 });
    expect(at.localMass).toBeCloseTo(1 / 3, 12);
    expect(at.localMassRandom).toBeCloseTo(3 / 8, 12);
    // Before the change mean 2 and deviation 2: the threshold rises to 4, over which 5 5 does not come twice.
    const early = stabilisedMetrics(zero, [-4, -4, 0, 0, -5, -5, 0, 0], [4], grid, rule)!;
    expect(early.threshold).toBeCloseTo(4, 12);
    expect(early).toMatchObject({ onset: 4, isFalseAlarm: false });
    const alarm = stabilisedMetrics(zero, [-9, -9, -9, 0, 0, 0, 0, 0, 0], [7], grid, { threshold: 1, persistence: 3 })!;
    expect(alarm).toMatchObject({ onset: null, isFalseAlarm: true });
    expect(stabilisedMetrics(zero, zero, [], grid, rule)).toBeUndefined();
  });
});
