import { describe, expect, it } from 'vitest';
import { drawExamples } from '../../src/critic/draw-examples.ts';
import type { TraceRecord } from '../../src/record.ts';
import { Replay } from '../../src/replay.ts';
import { expertRecord, policyRecord } from '../../src/task/create-record.ts';
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
});
