import { describe, expect, it } from 'vitest';
import { opsdWeights } from '../../src/loss/opsd-weights.ts';

const trace = (tokens: number, forced?: number[]) => ({
  promptIds: Uint32Array.of(1),
  completionIds: new Uint32Array(tokens),
  ...(forced === undefined ? {} : { forced: Uint8Array.from(forced) }),
});

describe('opsdWeights', () => {
  const traces = [trace(3), trace(2, [0, 1])];
  const shown = [
    [-1, -2, -0.5],
    [-3, -9],
  ];
  const plain = [
    [-2, -2, -20],
    [-1, -1],
  ];

  it('is the log-ratio over the temperature, within its bounds, 0 where the environment wrote', () => {
    const { perToken, clipped } = opsdWeights(traces, shown, plain, {
      temperature: 2,
      clip: [-5, 5],
      normalise: false,
    });
    expect(perToken.map((weights) => [...weights])).toEqual([
      [0.5, 0, 5],
      [-1, 0],
    ]);
    expect(clipped).toBe(1 / 4);
    const free = opsdWeights(traces, shown, plain, { temperature: 1, clip: null, normalise: false });
    expect(free.perToken[0]![2]).toBe(19.5);
    expect(free.clipped).toBe(0);
  });

  it('normalises over the tokens of the whole batch, after the bounds, and reports the values before', () => {
    const { perToken, mean, std } = opsdWeights(traces, shown, plain, {
      temperature: 2,
      clip: [-5, 5],
      normalise: true,
    });
    // Own tokens 0.5, 0, 5, -1: mean 1.125, unbiased variance 21.1875 / 3.
    expect([mean, std]).toEqual([1.125, Math.sqrt(21.1875 / 3)]);
    expect([...perToken[0]!, perToken[1]![0]!].map((w) => w.toFixed(4))).toEqual(
      [0.5, 0, 5, -1].map((w) => ((w - 1.125) / Math.sqrt(21.1875 / 3)).toFixed(4)),
    );
    expect(perToken[1]![1]).toBe(0);
  });

  it('stays finite where all weights are equal, and for a single token', () => {
    const same = opsdWeights([trace(2)], [[-1, -1]], [[-1, -1]], { temperature: 1, clip: null, normalise: true });
    expect([...same.perToken[0]!, same.std]).toEqual([0, 0, 0]);
    const one = opsdWeights([trace(1)], [[-1]], [[-2]], { temperature: 1, clip: null, normalise: true });
    expect([...one.perToken[0]!, one.mean, one.std]).toEqual([1, 1, 0]);
  });

  it('refuses a base that gives no finite log-probability', () => {
    const options = { temperature: 1, clip: [-5, 5] as const, normalise: false };
    expect(() => opsdWeights([trace(1)], [[Number.NEGATIVE_INFINITY]], [[-1]], options)).toThrow(/finite/);
  });
});
