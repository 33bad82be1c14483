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

  it('lets rounds leave that are too old, although there is room', () => {
    const replay = filled();
    replay.push({ negatives: items(4, 2) }, 3);
    const rounds = ({ positives, negatives } = replay.state) =>
      [positives, negatives].map((side) => side.map((one) => one.round));
    expect(rounds()).toEqual([
      [3, 3, 3, 3],
      [3, 3, 3, 3, 3, 3, 3, 3, 4, 4],
    ]);
    replay.push({}, 5);
    expect(rounds()).toEqual([[], []]);
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
    const prompts = ['p2', 'p0', 'p1', 'p3'];
    const drawn = replay.drawMatched(prompts, share, new Draws(1, 1, 1));
    expect(ids(drawn).every((id) => id !== undefined)).toBe(true);
    expect(restored.drawMatched(prompts, share, new Draws(1, 1, 1))).toEqual(drawn);
    expect(restored.state).toEqual(replay.state);
  });
});
