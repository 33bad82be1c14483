import { describe, expect, it } from 'vitest';
import { Blocks } from '../../page/blocks.ts';
import { chosen, disagreement, type Wish } from '../../page/choice.ts';
import {
  bestThreshold,
  packCompletions,
  type ReportCompletion,
  type ReportCompletions,
} from '../../src/report/completion-blocks.ts';

const ALL: Wish = { set: null, verdict: 'all', from: null, to: null, prompt: null, found: null, order: 'file' };
const BUDGET = 10_000_000;

function completion(part: Partial<ReportCompletion> & { readonly score: number | null }): ReportCompletion {
  return {
    prompt: 'q',
    place: 0,
    pieces: ['a ', 'b ', '\ud83d\ude00'],
    text: 'a b \ud83d\ude00',
    rewards: [1, -0.5, 0.25],
    logprobs: [-0.1, null, -3],
    advantages: null,
    forced: [1],
    correct: true,
    gold: '4',
    answer: '4',
    ...part,
  };
}

function set(name: string, completions: readonly ReportCompletion[]): ReportCompletions {
  return { name, completions, leftOut: 0, withoutTokens: null };
}

describe('packed completions', () => {
  it('come back as they were, values to a 4095th of their range', async () => {
    const many = Array.from({ length: 600 }, (_, i) =>
      completion({
        score: i,
        prompt: `prompt ${i % 7}`,
        pieces: i % 3 === 0 ? null : [`${i}`, ' \ud800', '</script>\u0000'],
        text: `${i} \ud800</script>\u0000`,
        rewards: [i, -i, i / 2],
      }),
    );
    const { index, blocks } = await packCompletions([set('s', many)], ['run'], BUDGET);
    expect(blocks).toHaveLength(3);
    const read = new Blocks(blocks, index);
    for (const i of [0, 1, 250, 251, 599]) {
      const { prompt, row, pieces, values } = await read.at(i);
      expect(prompt).toBe(many[i]!.prompt);
      expect(row.text).toBe(many[i]!.text);
      expect(row.forced).toEqual([1]);
      if (many[i]!.pieces === null) expect(values).toEqual({});
      else {
        expect(pieces).toEqual(many[i]!.pieces);
        const step = (index.signals.reward!.high - index.signals.reward!.low) / 4095;
        values.reward!.forEach((value, t) => {
          expect(Math.abs(value! - many[i]!.rewards![t]!)).toBeLessThanOrEqual(step);
        });
        expect(values.logprob![1]).toBeNull();
      }
    }
    expect(await read.search(1, '</script>')).toHaveLength(250);
    expect(await read.search(0, 'prompt 3')).toEqual(many.slice(0, 250).flatMap((_, i) => (i % 7 === 3 ? [i] : [])));
  });

  it('say where the reward falls most, and nothing where it never falls or is not all there', async () => {
    const ones = [
      completion({ score: 0, rewards: [1, 2, -1] }),
      completion({ score: 0, rewards: [1, 2, 3] }),
      completion({ score: 0, rewards: [1, null, 3] }),
      completion({ score: 0, rewards: null }),
    ];
    const { index } = await packCompletions([set('s', ones)], [], BUDGET);
    expect(index.dropAt).toEqual([2, null, null, null]);
    expect(index.drop).toEqual([3, null, null, null]);
  });

  it('are listed by what their prompts do not share', async () => {
    const instruction = 'Think step by step, then answer inside the tags. ';
    const list = async (...prompts: string[]): Promise<readonly string[]> =>
      (
        await packCompletions(
          [
            set(
              's',
              prompts.map((prompt) => completion({ score: 0, prompt })),
            ),
          ],
          [],
          BUDGET,
        )
      ).index.prompts;
    expect(await list(`${instruction}How many?`, `${instruction}How far?`)).toEqual(['…many?', '…far?']);
    expect(await list('How many?', 'How far?')).toEqual(['How many?', 'How far?']);
    expect(await list(`${instruction}How many?`)).toEqual([`${instruction}How many?`]);
  });

  it('stop where the page is full, and count what has no room', async () => {
    let seed = 1;
    const noise = (): number => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
    const many = Array.from({ length: 1000 }, () =>
      completion({
        score: 0,
        pieces: Array.from({ length: 50 }, () => 'x'),
        text: 'x'.repeat(50),
        rewards: Array.from({ length: 50 }, noise),
      }),
    );
    const { index, blocks } = await packCompletions([set('s', many)], [], 60_000);
    expect(blocks.join('').length).toBeLessThanOrEqual(60_000);
    expect(index.set.length).toBeGreaterThan(0);
    expect(index.set.length + index.sets[0]!.leftOut).toBe(1000);
  });

  it('hold the beginning of a completion of a megabyte, and its length', async () => {
    const text = 'word '.repeat(200_000);
    const pieces = text.split(/(?<= )/);
    const huge = completion({ score: 0, text, pieces, rewards: pieces.map((_, t) => t), logprobs: null });
    const { index, blocks } = await packCompletions([set('s', [huge])], [], BUDGET);
    const { row, values } = await new Blocks(blocks, index).at(0);
    expect(row.of).toBe(1_000_000);
    expect(row.text.length).toBeLessThanOrEqual(20_000);
    expect(values.reward).toHaveLength(row.n);
  });
});

describe('the choice of completions', async () => {
  const ones = [
    completion({ score: 3, correct: true }),
    completion({ score: 2, correct: false, answer: null }),
    completion({ score: -3, correct: true, prompt: 'other' }),
    completion({ score: -2, correct: false }),
    completion({ score: null, correct: false, rewards: null }),
  ];
  const { index } = await packCompletions([set('s', ones)], [], BUDGET);
  const ids = (wish: Partial<Wish>): number[] => chosen(index, { ...ALL, ...wish });

  it('filters by verdict, reward, prompt and search', () => {
    expect(ids({ verdict: 'correct' })).toEqual([0, 2]);
    expect(ids({ verdict: 'wrong' })).toEqual([1, 3, 4]);
    expect(ids({ verdict: 'unanswered' })).toEqual([1]);
    expect(ids({ from: -2, to: 2 })).toEqual([1, 3]);
    expect(ids({ prompt: index.prompt[2]! })).toEqual([2]);
    expect(ids({ found: new Set([3]) })).toEqual([3]);
  });

  it('sorts by reward and by disagreement, those without a reward last', () => {
    expect(ids({ order: 'high' })).toEqual([0, 1, 3, 2, 4]);
    expect(ids({ order: 'low' })).toEqual([2, 3, 1, 0, 4]);
    const { threshold } = index.sets[0]!;
    expect(threshold).toBe(3);
    expect(ids({ verdict: 'disagree' })).toEqual([2]);
    expect(disagreement(index, 2)).toBe(6);
    expect(ids({ order: 'disagree' })[0]).toBe(2);
  });

  it('has a threshold with the best mean of both accuracies, by brute force', () => {
    let seed = 7;
    const draw = (): number => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
    const some = Array.from({ length: 60 }, () => ({ score: Math.round(8 * draw()), correct: draw() < 0.4 }));
    const accuracy = (threshold: number): number => {
      const share = (correct: boolean): number => {
        const own = some.filter((one) => one.correct === correct);
        return own.filter(({ score }) => score >= threshold === correct).length / own.length;
      };
      return (share(true) + share(false)) / 2;
    };
    const best = Math.max(...some.map(({ score }) => accuracy(score)));
    expect(accuracy(bestThreshold(some)!)).toBeCloseTo(best, 12);
    expect(bestThreshold(some.filter(({ correct }) => correct))).toBeNull();
  });
});
