import { describe, expect, it } from 'vitest';
import { Draws } from '../../src/data/draws.ts';
import { canonicalTarget } from '../../src/data/example.ts';
import { probeLeakage } from '../../src/data/leakage.ts';
import { corruptTarget } from '../../src/perturb/corrupt-target.ts';

const experts = Array.from({ length: 60 }, (_, i) => canonicalTarget(`${i} + ${i * 7} = ${i * 8}.`, String(i * 8)));

describe('probeLeakage', () => {
  it.each([
    ['characters', (text: string) => `${text.slice(0, 9)} and so on and on${text.slice(9)}`],
    ['markdown', (text: string) => text.replace('<think>\n', '<think>\n**Step**\n')],
    ['tags', (text: string) => text.replace('</answer>', '')],
    ['white space at the ends', (text: string) => `${text}\n`],
    ['blank lines', (text: string) => text.replace('</think>', '\n</think>')],
  ] as const)('sees that the classes differ in %s', (probe, change) => {
    expect(probeLeakage(experts, experts.map(change))[probe]).toBeGreaterThan(0.9);
  });

  it('says 0.5 of the same texts, and nothing of an empty class', () => {
    expect(new Set(Object.values(probeLeakage(experts, experts)))).toEqual(new Set([0.5]));
    expect(new Set(Object.values(probeLeakage(experts, [])))).toEqual(new Set([undefined]));
  });

  it('D11: finds nearly nothing in experts against their own corruptions', () => {
    const names = ['flip_operator_in_one_step', 'corrupt_numbers'] as const;
    const corrupted = experts.map((target, i) => corruptTarget({ target }, names, new Draws(1, 1, i))?.text as string);
    for (const [probe, area] of Object.entries(probeLeakage(experts, corrupted))) {
      expect(area, probe).toBeLessThan(0.62);
    }
  });
});
