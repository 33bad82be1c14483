import { describe, expect, it } from 'vitest';
import { drawExamples, type ExampleCounts } from '../../src/critic/draw-examples.ts';
import type { TraceRecord } from '../../src/record.ts';
import { Replay } from '../../src/replay.ts';
import { expertRecord, policyRecord } from '../../src/task/create-record.ts';
import type { Task } from '../../src/task/task.ts';
import { tinyTask } from '../train/tiny-run.ts';

const task = tinyTask();
const marks = { granularity: 'step' } as const;
const experts = task.demonstrations.map((demonstration) => ({
  demonstration,
  record: expertRecord(task, demonstration, marks),
}));

/** Samples of the first `prompts` demonstrations, as many as asked for, made of other experts' traces. */
function samples(round: number, prompts: number, each: number): TraceRecord[] {
  return task.demonstrations.slice(0, prompts).flatMap((demonstration, p) =>
    Array.from({ length: each }, (_, j) => {
      const other = task.demonstrations[(p + j + 1) % task.demonstrations.length]!;
      return policyRecord(task, demonstration, other.completionIds, marks, { round, index: p * each + j });
    }),
  );
}

const counts = { expertsPerUpdate: 4, policyPerUpdate: 8, corruptedPerExpert: 2 };
const capacity = { positives: 100, negatives: 100 };
const at = (update: number, round: number, fraction = 0) => ({ seed: 3, update, share: { round, fraction } });

describe('drawExamples', () => {
  it('matches positives and negatives by prompt, so that a prompt tells nothing of the class', () => {
    const replay = new Replay<TraceRecord>(capacity, { positives: [], negatives: samples(0, 5, 3) });
    for (let update = 0; update < 20; update++) {
      const drawn = drawExamples(task, experts, replay, counts, marks, at(update, 0));
      const prompts = drawn.positives.map(({ promptId }) => promptId);
      expect(new Set(prompts).size).toBe(4);
      expect(drawn.negatives.length).toBe(8 + 8);
      expect([drawn.onPolicy, drawn.replayed, drawn.corrupted]).toEqual([8, 0, 8]);
      for (const source of ['policy', 'corrupt'] as const) {
        const theirs = drawn.negatives.filter((record) => record.source === source).map(({ promptId }) => promptId);
        expect(theirs.sort()).toEqual([...prompts, ...prompts].sort());
      }
    }
  });

  it('corrupts each expert anew, and never into itself (D12)', () => {
    const replay = new Replay<TraceRecord>(capacity, { positives: [], negatives: samples(0, 6, 1) });
    const texts = new Set<string>();
    for (let update = 0; update < 10; update++) {
      const { negatives } = drawExamples(task, experts, replay, counts, marks, at(update, 0));
      for (const record of negatives.filter(({ source }) => source === 'corrupt')) {
        const source = experts.find(({ record: { id } }) => id === record.corruption?.sourceId);
        expect(record.text).not.toBe(source?.record.text);
        texts.add(record.text);
      }
    }
    expect(texts.size).toBeGreaterThan(40);
  });

  it('leaves out demonstrations whose prompts have no samples', () => {
    const replay = new Replay<TraceRecord>(capacity, { positives: [], negatives: samples(2, 2, 2) });
    const { positives } = drawExamples(task, experts, replay, counts, marks, at(0, 2));
    const first = task.demonstrations.slice(0, 2).map(({ id }) => id);
    expect(positives.map(({ promptId }) => promptId).sort()).toEqual(first.sort());
    const nothing = drawExamples(task, experts, new Replay<TraceRecord>(capacity), counts, marks, at(0, 2));
    expect([nothing.positives, nothing.negatives]).toEqual([[], []]);
  });

  it('gives the current round its share (D9)', () => {
    const replay = new Replay<TraceRecord>(capacity, {
      positives: [],
      negatives: [...samples(1, 6, 4), ...samples(2, 2, 4)],
    });
    for (let update = 0; update < 20; update++) {
      expect(drawExamples(task, experts, replay, counts, marks, at(update, 2, 0.5)).onPolicy).toBeGreaterThanOrEqual(4);
    }
    const none = Array.from({ length: 20 }, (_, u) => drawExamples(task, experts, replay, counts, marks, at(u, 2)));
    expect(none.some(({ replayed }) => replayed > 4)).toBe(true);
  });

  it('is a pure function of seed and update', () => {
    const replay = new Replay<TraceRecord>(capacity, { positives: [], negatives: samples(0, 6, 3) });
    const ids = (update: number): string[] => {
      const { positives, negatives } = drawExamples(task, experts, replay, counts, marks, at(update, 0));
      return [...positives, ...negatives].map(({ id, text }) => `${id} ${text}`);
    };
    expect(ids(7)).toEqual(ids(7));
    expect(ids(8)).not.toEqual(ids(7));
  });

  it('lets relabelled samples stand in for the expert of their prompt', () => {
    const relabelled = samples(0, 6, 2).map((record): TraceRecord => ({ ...record, label: 'positive' }));
    const replay = new Replay<TraceRecord>(capacity, { positives: relabelled, negatives: samples(1, 6, 1) });
    const sources = Array.from({ length: 20 }, (_, u) =>
      drawExamples(task, experts, replay, counts, marks, at(u, 1)).positives.map(({ source }) => source),
    ).flat();
    expect(new Set(sources)).toEqual(new Set(['expert', 'policy']));
  });

  it('D12: uses no corruption that leaves the ids as they are', () => {
    const replay = new Replay<TraceRecord>(capacity, { positives: [], negatives: samples(0, 6, 1) });
    // Two texts may be the same to a tokenizer.
    const same: Task = { ...task, corrupt: ({ completionIds }) => ({ completionIds, functions: ['none'] }) };
    expect(drawExamples(same, experts, replay, counts, marks, at(0, 0)).corrupted).toBe(0);
  });

  it('D12: corrupts experts, never a sample that was relabelled', () => {
    const relabelled = samples(0, 6, 2).map((record): TraceRecord => ({ ...record, label: 'positive' }));
    const replay = new Replay<TraceRecord>(capacity, { positives: relabelled, negatives: samples(1, 6, 1) });
    const drawn = Array.from({ length: 20 }, (_, u) => drawExamples(task, experts, replay, counts, marks, at(u, 1)));
    expect(drawn.some(({ positives }) => positives.some(({ source }) => source === 'policy'))).toBe(true);
    const expertIds = new Set(experts.map(({ record }) => record.id));
    for (const { negatives } of drawn) {
      for (const { source, corruption } of negatives) {
        if (source === 'corrupt') expect(expertIds.has(corruption!.sourceId)).toBe(true);
      }
    }
  });

  describe('stored wrong traces', () => {
    const stored = (count: number): Task => ({
      ...task,
      storedCorruptions: ({ id, completionIds }) =>
        Array.from({ length: count }, (_, i) => ({
          completionIds: completionIds.map((token, t) => (t === i ? (token + 1) % task.vocabSize : token)),
          functions: ['stored_trace', id],
        })),
    });
    const draw = (of: Task, change: Partial<ExampleCounts> = {}, update = 0) => {
      const relabelled = samples(0, 6, 2).map((record): TraceRecord => ({ ...record, label: 'positive' }));
      const replay = new Replay<TraceRecord>(capacity, { positives: relabelled, negatives: samples(1, 6, 2) });
      return drawExamples(of, experts, replay, { ...counts, ...change }, marks, at(update, 1));
    };

    it.each([1, 3])('D8: all %d of them take part for each positive, also where samples were relabelled', (n) => {
      const drawn = draw(stored(n));
      expect(drawn.positives.some(({ source }) => source === 'policy')).toBe(true);
      expect(drawn.stored).toBe(n * drawn.positives.length);
      const own = drawn.negatives.filter(({ corruption }) => corruption?.functions[0] === 'stored_trace');
      expect(own.length).toBe(n * drawn.positives.length);
      expect(
        own.every(({ label, promptId, corruption }) => label === 'negative' && corruption?.functions[1] === promptId),
      ).toBe(true);
      expect(new Set(drawn.negatives.map(({ id }) => id)).size).toBe(drawn.negatives.length);
    });

    it('can be fewer in each update, others each time, or none', () => {
      const some = Array.from({ length: 10 }, (_, update) => draw(stored(3), { storedPerExpert: 2 }, update));
      expect(some.map(({ stored }) => stored)).toEqual(new Array(10).fill(2 * 4));
      const texts = new Set(some.flatMap(({ negatives }) => negatives.map(({ text }) => text)));
      expect(texts.size).toBeGreaterThan(3 * 6);
      expect(draw(stored(3), { storedPerExpert: 0 }).stored).toBe(0);
      expect(draw(task).stored).toBe(0);
    });

    it('that are the expert itself are no negatives', () => {
      const honest: Task = { ...task, storedCorruptions: ({ completionIds }) => [{ completionIds, functions: [] }] };
      expect(draw(honest).stored).toBe(0);
    });
  });

  describe('of the whole round (D9)', () => {
    const whole: ExampleCounts = {
      expertsPerUpdate: null,
      policyPerUpdate: null,
      promptsPerRound: 6,
      corruptedPerExpert: 1,
    };
    const draw = (negatives: TraceRecord[], fraction: number, positives: TraceRecord[] = []) => {
      const replay = new Replay<TraceRecord>({ positives: 500, negatives: 500 }, { positives, negatives });
      return drawExamples(task, experts, replay, whole, marks, at(0, 9, fraction));
    };
    const perPrompt = (records: readonly TraceRecord[]): number[] =>
      task.demonstrations.map(({ id }) => records.filter(({ promptId }) => promptId === id).length);

    it('has every sample of the round, and as many replayed ones as its share leaves room for', () => {
      const earlier = [1, 2, 3].flatMap((round) => samples(round, 6, 4));
      const now = samples(9, 6, 4);
      const counted = [1, 0.75, 0.5, 0.25, 0].map((fraction) => {
        const { onPolicy, replayed, positives } = draw([...earlier, ...now], fraction);
        return [onPolicy, replayed, positives.length];
      });
      expect(counted).toEqual([
        [24, 0, 6],
        [24, 8, 8],
        [24, 24, 12],
        [24, 72, 24],
        [24, 72, 24],
      ]);
      // An empty replay leaves the round.
      expect(draw(now, 0.5).replayed).toBe(0);
    });

    it('keeps the classes in step at every prompt', () => {
      const { positives, negatives } = draw([...samples(1, 6, 4), ...samples(9, 3, 4)], 0.5);
      const ofPolicy = negatives.filter(({ source }) => source === 'policy');
      expect(perPrompt(ofPolicy)).toEqual(perPrompt(positives).map((count) => 4 * count));
      expect(perPrompt(negatives.filter(({ source }) => source === 'corrupt'))).toEqual(perPrompt(positives));
    });

    it('loses no relabelled sample of a prompt that has a wrong one', () => {
      const all = samples(9, 6, 4);
      const right = all.filter((_, i) => i % 4 === 0).map((record): TraceRecord => ({ ...record, label: 'positive' }));
      const { positives, onPolicy } = draw(
        all.filter((_, i) => i % 4 !== 0),
        1,
        right,
      );
      expect([onPolicy, positives.length]).toEqual([18, 6 + 6]);
    });

    it('takes no more prompts of a warm-up than a round has', () => {
      const replay = new Replay<TraceRecord>(capacity, { positives: [], negatives: samples(0, 6, 3) });
      const drawn = drawExamples(task, experts, replay, { ...whole, promptsPerRound: 2 }, marks, at(4, 0, 0.5));
      expect([drawn.positives.length, drawn.onPolicy, drawn.corrupted]).toEqual([2, 6, 2]);
    });
  });

  it('counts the experts that were made wrong on purpose', () => {
    const replay = new Replay<TraceRecord>(capacity, { positives: [], negatives: samples(0, 6, 2) });
    const wrong = experts.map(({ demonstration, record }, i) => ({
      demonstration: { ...demonstration, ...(i < 2 ? { isExpertError: true } : {}) },
      record,
    }));
    const found = drawExamples(task, wrong, replay, { ...counts, expertsPerUpdate: 6 }, marks, at(0, 0));
    expect(found.expertErrors).toBe(2);
    expect(drawExamples(task, experts, replay, counts, marks, at(0, 0)).expertErrors).toBe(0);
  });
});
