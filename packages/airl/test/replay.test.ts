import { describe, expect, it } from 'vitest';
import { Draws } from '../src/data/draws.ts';
import { Replay, type ReplayItem } from '../src/replay.ts';

const items = (round: number, count: number): ReplayItem[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${round}-${i}`, promptId: `p${i % 4}`, round }));

const ids = (list: readonly (ReplayItem | undefined)[]): (string | undefined)[] => list.map((item) => item?.id);

function filled(): Replay<ReplayItem> {
  const replay = new Replay<ReplayItem>({ positives: 10, negatives: 20 });
  for (const round of [1, 2, 3]) replay.push({ positives: items(round, 4), negatives: items(round, 8) });
  return replay;
}

describe('Replay', () => {
  it('keeps the newest within its capacity', () => {
    const { positives, negatives } = filled().state;
    expect([positives.length, negatives.length]).toEqual([10, 20]);
    expect([positives[0]?.id, negatives[0]?.id]).toEqual(['1-2', '1-4']);
    expect(negatives.at(-1)?.id).toBe('3-7');
  });

  it('draws without replacement, and all there is where more is asked for', () => {
    for (let step = 0; step < 50; step++) {
      const drawn = filled().drawNegatives(9, { round: 3, fraction: 0.5 }, new Draws(1, 1, step));
      expect(new Set(ids(drawn)).size).toBe(9);
    }
    expect(filled().drawPositives(100, new Draws(1, 1, 1)).length).toBe(10);
    expect(new Set(ids(filled().drawNegatives(100, { round: 3, fraction: 1 }, new Draws(1, 1, 1)))).size).toBe(20);
  });

  it('draws every item equally often', () => {
    const counts = new Map<string, number>();
    for (let step = 0; step < 2000; step++) {
      for (const { id } of filled().drawNegatives(5, { round: 9, fraction: 0.5 }, new Draws(1, 1, step))) {
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
    }
    expect(counts.size).toBe(20);
    for (const count of counts.values()) expect(Math.abs(count - 500)).toBeLessThan(100);
  });

  it('D9: holds the share of the current round, as far as that round has items', () => {
    for (const [fraction, least] of [
      [0, 0],
      [0.5, 4],
      [1, 8],
    ] as const) {
      for (let step = 0; step < 20; step++) {
        const drawn = filled().drawNegatives(8, { round: 3, fraction }, new Draws(1, 1, step));
        expect(drawn.filter(({ round }) => round === 3).length).toBeGreaterThanOrEqual(least);
      }
    }
    expect(filled().drawNegatives(8, { round: 7, fraction: 1 }, new Draws(1, 1, 1)).length).toBe(8);
  });

  it('gives each prompt a negative of its own', () => {
    const prompts = ['p3', 'p0', 'p0', 'nobody', 'p1'];
    for (let step = 0; step < 50; step++) {
      const drawn = filled().drawMatched(prompts, { round: 3, fraction: 0.4 }, new Draws(1, 1, step));
      expect(drawn.map((item) => item?.promptId)).toEqual(['p3', 'p0', 'p0', undefined, 'p1']);
      expect(drawn[1]).not.toBe(drawn[2]);
      expect(drawn.slice(0, 2).map((item) => item?.round)).toEqual([3, 3]);
    }
    const rounds = Array.from(
      { length: 200 },
      (_, step) => filled().drawMatched(prompts, { round: 3, fraction: 0.4 }, new Draws(1, 1, step))[4]?.round,
    );
    expect(new Set(rounds)).toEqual(new Set([1, 2, 3]));
  });

  it('goes on the same from its state as without a break', () => {
    const replay = filled();
    const restored = new Replay<ReplayItem>({ positives: 10, negatives: 20 }, JSON.parse(JSON.stringify(replay.state)));
    for (const one of [replay, restored]) one.push({ negatives: items(4, 3) });
    const share = { round: 4, fraction: 0.5 };
    expect(restored.drawNegatives(7, share, new Draws(1, 1, 1))).toEqual(
      replay.drawNegatives(7, share, new Draws(1, 1, 1)),
    );
    expect(restored.state).toEqual(replay.state);
  });
});
