import { describe, expect, it } from 'vitest';
import { Draws } from '../../../src/data/draws.ts';
import { isCovered } from '../../../src/task/inverse-rules/coverage.ts';
import { decodePrompt, problemKey } from '../../../src/task/inverse-rules/problem.ts';
import { createInverseRulesTask } from '../../../src/task/inverse-rules/task.ts';
import { firstError } from '../../../src/task/inverse-rules/trace.ts';
import { TOKEN } from '../../../src/task/inverse-rules/vocabulary.ts';

const sizes = { demonstrations: 100, dev: 150, test: 300 };
const task = createInverseRulesTask({ seed: 1, setting: 'tool', ...sizes });

describe('createInverseRulesTask', () => {
  it('has the sizes asked for and never shares a problem between train, dev and test', () => {
    const unlabelled = Array.from({ length: 2000 }, (_, i) => task.unlabelled(i)?.id as string);
    const ids = [task.demonstrations, task.dev, task.test].map((prompts) => prompts.map(({ id }) => id));
    expect(ids.map((list) => new Set(list).size)).toEqual([100, 150, 300]);
    const groups = [...ids, [...new Set(unlabelled)]];
    expect(new Set(groups.flat()).size).toBe(groups.flat().length);
  });

  it('is a pure function of its options', () => {
    const again = createInverseRulesTask({ seed: 1, setting: 'tool', ...sizes });
    expect(again.demonstrations).toEqual(task.demonstrations);
    expect(again.test).toEqual(task.test);
    expect(again.unlabelled(17)).toEqual(task.unlabelled(17));
    const other = createInverseRulesTask({ seed: 2, setting: 'tool', ...sizes });
    expect(other.test).not.toEqual(task.test);
  });

  it('keeps its demonstrations when the other sizes change', () => {
    const smaller = createInverseRulesTask({ seed: 1, setting: 'open', demonstrations: 40, dev: 5, test: 5 });
    expect(smaller.demonstrations).toEqual(task.demonstrations.slice(0, 40));
    expect(smaller.test).toEqual(task.test.slice(0, 5));
  });

  it('demonstrates right solutions that the checker accepts', () => {
    for (const demonstration of task.demonstrations) {
      const { promptIds, completionIds } = demonstration;
      expect(firstError(task.world, decodePrompt(promptIds), completionIds)).toBeUndefined();
      expect(task.check(task.decode(completionIds), demonstration)).toEqual({
        outcome: 'correct',
        answer: demonstration.gold,
        strict: true,
      });
      expect(problemKey(decodePrompt(promptIds))).toBe(demonstration.id);
    }
  });

  it('covers 53 to 55 % of the facts by 100 demonstrations, and 12 to 18 % of the test problems in full', () => {
    let facts = 0;
    let covered = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const { world, coverage, test } = createInverseRulesTask({ seed, setting: 'tool', ...sizes });
      facts += coverage.fraction / 10;
      covered += test.filter(({ promptIds }) => isCovered(world, decodePrompt(promptIds), coverage)).length / 3000;
    }
    expect(facts).toBeGreaterThan(0.51);
    expect(facts).toBeLessThan(0.56);
    expect(covered).toBeGreaterThan(0.11);
    expect(covered).toBeLessThan(0.2);
  });

  it('gives the critic a prompt of its own, equally long', () => {
    const { promptIds } = task.test[0] as (typeof task.test)[number];
    const view = task.criticPromptIds(promptIds);
    expect([...view]).toEqual([...promptIds.slice(0, 6), TOKEN.review]);
    expect(promptIds[6]).toBe(TOKEN.think);
  });

  it('forces one token a line with the tool and none in the open setting', () => {
    const { completionIds } = task.demonstrations[0] as (typeof task.demonstrations)[number];
    const lines = (completionIds.length - 5) / 8;
    const forced = task.forced(completionIds);
    expect([...forced.keys()].filter((t) => forced[t] === 1)).toEqual(
      Array.from({ length: lines }, (_, i) => 8 * i + 6),
    );
    for (let t = 0; t < completionIds.length; t++) {
      const written = task.environment?.(completionIds, t);
      expect(written === undefined).toBe(forced[t] === 0);
      if (written !== undefined) expect(written).toBe(completionIds[t]);
    }
    const open = createInverseRulesTask({ seed: 1, setting: 'open', ...sizes });
    expect(open.environment).toBeUndefined();
    expect(open.forced(completionIds).some((one) => one === 1)).toBe(false);
  });

  it('marks `;` and the last token as steps', () => {
    const { completionIds } = task.demonstrations[0] as (typeof task.demonstrations)[number];
    const lines = (completionIds.length - 5) / 8;
    expect(task.stepRule(task.pieces(completionIds))).toEqual([
      ...Array.from({ length: lines }, (_, i) => 8 * i + 7),
      completionIds.length - 1,
    ]);
  });

  it('has the tool write anew after edits where it is asked to: each is a trace that a policy could write', () => {
    const rewriting = createInverseRulesTask({ seed: 1, setting: 'tool', ...sizes, toolWritesInEdits: true });
    const counts = new Map<string, number>();
    let impossible = 0;
    for (let i = 0; i < 1200; i++) {
      const demonstration = rewriting.demonstrations[i % 100]!;
      const { completionIds, functions } = rewriting.corrupt(demonstration, new Draws(1, 1, i))!;
      expect([...completionIds]).not.toEqual([...demonstration.completionIds]);
      for (let t = 0; t < completionIds.length; t++) {
        const written = rewriting.environment!(completionIds, t);
        if (written !== undefined) expect(completionIds[t]).toBe(written);
      }
      counts.set(functions[0]!, (counts.get(functions[0]!) ?? 0) + 1);
      const plain = task.corrupt(demonstration, new Draws(1, 1, i))!.completionIds;
      if (plain.some((id, t) => (task.environment!(plain, t) ?? id) !== id)) impossible++;
    }
    // Kinds are drawn as before; what the tool writes was edited in many without the option.
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(60);
    expect(impossible).toBeGreaterThan(300);
  });

  it('leaves the setting without a tool as it is', () => {
    const [plain, asked] = [false, true].map((toolWritesInEdits) =>
      createInverseRulesTask({ seed: 1, setting: 'open', ...sizes, toolWritesInEdits }),
    );
    for (let i = 0; i < 100; i++) {
      const made = [plain!, asked!].map((one) => one.corrupt(one.demonstrations[i]!, new Draws(1, 1, i)));
      expect(made[1]).toEqual(made[0]);
    }
  });

  it('adds lines where it is asked to and the limit leaves room', () => {
    const adding = createInverseRulesTask({ seed: 1, setting: 'tool', ...sizes, addsLines: true });
    const kinds = new Map<string, number>();
    for (let i = 0; i < 1400; i++) {
      const demonstration = adding.demonstrations[i % 100]!;
      const { completionIds, functions } = adding.corrupt(demonstration, new Draws(1, 1, i))!;
      expect(completionIds.length).toBeLessThanOrEqual(adding.maxCompletionTokens);
      kinds.set(functions[0]!, (kinds.get(functions[0]!) ?? 0) + 1);
      if (functions[0] === 'add-line') expect(completionIds.length).toBe(demonstration.completionIds.length + 8);
    }
    expect(kinds.size).toBe(7);
    // Two of three demonstrations have room for a line.
    expect(kinds.get('add-line')).toBeGreaterThan(80);
    expect(kinds.get('add-line')).toBeLessThan(190);
  });

  it('corrupts experts in all six ways about equally often', () => {
    const kinds = new Map<string, number>();
    for (let i = 0; i < 1200; i++) {
      const demonstration = task.demonstrations[i % 100] as (typeof task.demonstrations)[number];
      const corrupted = task.corrupt(demonstration, new Draws(1, 1, i));
      const kind = corrupted?.functions[0] as string;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      expect([...(corrupted?.completionIds ?? [])]).not.toEqual([...demonstration.completionIds]);
    }
    expect(kinds.size).toBe(6);
    for (const count of kinds.values()) expect(Math.abs(count - 200)).toBeLessThan(60);
  });
});
