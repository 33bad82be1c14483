import { describe, expect, it } from 'vitest';
import { demonstratedPerRound, roundPrompts } from '../../src/train/round-prompts.ts';
import { tinyTask } from './tiny-run.ts';

const task = tinyTask();
const options = { seed: 3, promptsPerRound: 8, unlabelledFraction: 0.5 };

describe('roundPrompts', () => {
  it('takes the shares asked for, demonstrated prompts first', () => {
    const shown = new Set(task.demonstrations.map(({ id }) => id));
    const prompts = roundPrompts(task, 1, options);
    expect(prompts.map(({ id }) => shown.has(id))).toEqual([true, true, true, true, false, false, false, false]);
    expect(demonstratedPerRound(task, options)).toBe(4);
    expect(demonstratedPerRound(task, { ...options, unlabelledFraction: 0.25 })).toBe(6);
  });

  it('visits every demonstration once before any comes again', () => {
    const visits = [1, 2, 3].flatMap((round) => roundPrompts(task, round, options).slice(0, 4));
    // Three rounds of four are two passes over the six demonstrations.
    for (const pass of [visits.slice(0, 6), visits.slice(6)]) {
      expect(new Set(pass.map(({ id }) => id)).size).toBe(6);
    }
  });

  it('goes on with fresh unlabelled prompts', () => {
    const fresh = [1, 2, 3, 4].flatMap((round) => roundPrompts(task, round, options).slice(4));
    expect(new Set(fresh.map(({ id }) => id)).size).toBeGreaterThan(14);
    expect(roundPrompts(task, 3, options)).toEqual(roundPrompts(task, 3, options));
  });

  it('makes do with one kind where the task has no other', () => {
    const labelled = { ...task, unlabelled: () => undefined };
    expect(roundPrompts(labelled, 2, options).length).toBe(8);
    expect(demonstratedPerRound(labelled, options)).toBe(8);
    const bare = { ...task, demonstrations: [] };
    expect(roundPrompts(bare, 2, options).length).toBe(8);
    expect(demonstratedPerRound(bare, options)).toBe(0);
  });
});
