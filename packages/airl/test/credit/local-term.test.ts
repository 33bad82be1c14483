import { describe, expect, it } from 'vitest';
import { estimateAdvantages } from '../../src/credit/advantage.ts';
import type { LocalSignal } from '../../src/credit/local-term.ts';

// Two completions of one prompt; segment values 1, 4, 3 and 2, 2 (the last segment two tokens long).
const completions = [
  {
    group: 'a',
    rewards: [1, 4, 3],
    g: [0.5, 0, 1],
    segments: [
      { start: 0, end: 0 },
      { start: 1, end: 1 },
      { start: 2, end: 2 },
    ],
  },
  {
    group: 'a',
    rewards: [2, 2, 2],
    g: [1, 0.5, 0.5],
    segments: [
      { start: 0, end: 0 },
      { start: 1, end: 2 },
    ],
  },
];

function added(signal: LocalSignal): number[] {
  const credit = { level: 'sequence', scale: 'group', gamma: 1 } as const;
  const plain = estimateAdvantages(completions, credit).perToken;
  const local = estimateAdvantages(completions, { ...credit, local: { signal, weight: 0.05, clamp: [-2, 2] } });
  return local.perToken.flatMap((values, i) => Array.from(values, (value, t) => (value - plain[i]![t]!) / 0.05));
}

const close = (actual: number[], expected: number[]): void => {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(actual[i]).toBeCloseTo(value, 4);
  });
};

/** (v - mean) / population std. */
function standard(values: number[]): number[] {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  return values.map((value) => (value - mean) / std);
}

describe('the local term', () => {
  it('adds bounded changes of the value, normalised over all segments of the group', () => {
    // Changes 0, 3 -> 2, -1 and 0, 0.
    const [a, b, c, d, e] = standard([0, 2, -1, 0, 0]) as [number, number, number, number, number];
    close(added('clipped_delta_f'), [a, b, c, d, e, e]);
  });

  it('subtracts drops', () => {
    const [a, b, c, d, e] = standard([0, 0, 1, 0, 0]) as [number, number, number, number, number];
    close(added('drop_f'), [-a, -b, -c, -d, -e, -e]);
  });

  it('adds the reward head, read at segment ends', () => {
    const [a, b, c, d, e] = standard([0.5, 0, 1, 1, 0.5]) as [number, number, number, number, number];
    close(added('g'), [a, b, c, d, e, e]);
  });

  it('refuses a critic without a reward head, and credit that is local already', () => {
    const local = { signal: 'g', weight: 0.05, clamp: [-2, 2] } as const;
    const without = completions.map(({ g: _, ...rest }) => rest);
    expect(() => estimateAdvantages(without, { level: 'sequence', scale: 'group', gamma: 1, local })).toThrow(
      /reward head/,
    );
    expect(() => estimateAdvantages(completions, { level: 'token', scale: 'group', gamma: 1, local })).toThrow(
      /sequence credit/,
    );
  });
});
