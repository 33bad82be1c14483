import { describe, expect, it } from 'vitest';
import { Draws } from '../../src/data/draws.ts';
import { canonicalTarget } from '../../src/data/example.ts';
import { type ProbedTrace, probeLeakage } from '../../src/data/leakage.ts';
import { corruptTarget } from '../../src/perturb/corrupt-target.ts';

const targets = Array.from({ length: 60 }, (_, i) => canonicalTarget(`${i} + ${i * 7} = ${i * 8}.`, String(i * 8)));
const traces = (texts: readonly string[]): ProbedTrace[] => texts.map((text) => ({ text, tokens: 40, isEnded: true }));
const experts = traces(targets);

describe('probeLeakage', () => {
  it.each([
    ['characters', (text: string) => `${text.slice(0, 9)} and so on and on${text.slice(9)}`],
    ['markdown', (text: string) => text.replace('<think>\n', '<think>\n**Step**\n')],
    ['tags', (text: string) => text.replace('</answer>', '')],
    ['edge_space', (text: string) => `${text}\n`],
    ['blank_lines', (text: string) => text.replace('</think>', '\n</think>')],
  ] as const)('sees that the classes differ in %s', (probe, change) => {
    expect(probeLeakage(experts, traces(targets.map(change)))[probe]).toBeGreaterThan(0.9);
  });

  it.each([
    ['end', (trace: ProbedTrace) => ({ ...trace, isEnded: false })],
    ['tokens', (trace: ProbedTrace) => ({ ...trace, tokens: 41 })],
    ['white_space', ({ text, ...trace }: ProbedTrace) => ({ ...trace, text: text.replaceAll('=', '\t') })],
    ['digits', ({ text, ...trace }: ProbedTrace) => ({ ...trace, text: text.replaceAll(/\d/g, 'x') })],
  ] as const)('D10, D11: sees that only %s differs, and no other feature does', (probe, change) => {
    const areas = probeLeakage(experts, experts.map(change));
    for (const [name, area] of Object.entries(areas)) {
      if (name === probe) expect(area, name).toBeGreaterThan(0.9);
      else expect(area, name).toBe(0.5);
    }
  });

  it('says nothing of a feature that is not known of all traces', () => {
    const [first, ...others] = experts;
    expect(probeLeakage([{ text: first!.text }], others).tokens).toBeUndefined();
  });

  it('says 0.5 of the same texts, and nothing of an empty class', () => {
    expect(new Set(Object.values(probeLeakage(experts, experts)))).toEqual(new Set([0.5]));
    expect(new Set(Object.values(probeLeakage(experts, [])))).toEqual(new Set([undefined]));
  });

  it('D11: finds nearly nothing in experts against their own corruptions', () => {
    const names = ['flip_operator_in_one_step', 'corrupt_numbers'] as const;
    const corrupted = targets.map((target, i) => corruptTarget({ target }, names, new Draws(1, 1, i))?.text as string);
    for (const [probe, area] of Object.entries(probeLeakage(experts, traces(corrupted)))) {
      expect(area, probe).toBeLessThan(0.62);
    }
  });
});
