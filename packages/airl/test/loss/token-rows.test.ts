import { type Device, read, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { microBatches } from '../../src/loss/micro-batches.ts';
import { completionValues, firstRows, packTraces, predictingRows, trainedTokens } from '../../src/loss/token-rows.ts';
import { tokenWeights } from '../../src/loss/token-weights.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const trace = (prompt: number, completion: number, forced: number[] = []) => ({
  promptIds: Uint32Array.from({ length: prompt }, (_, i) => i + 1),
  completionIds: Uint32Array.from({ length: completion }, (_, i) => 50 + i),
  forced: Uint8Array.from({ length: completion }, (_, t) => (forced.includes(t) ? 1 : 0)),
});

describe('predictingRows', () => {
  it('puts each completion token at the row that predicts it, and nothing elsewhere', async () => {
    await scopeAsync(async () => {
      const traces = [trace(2, 3), trace(3, 1)];
      const batch = packTraces(device, traces);
      const rows = predictingRows(batch, traces, (i) => (i === 0 ? [1, 2, 3] : [9]));
      // Rows: p p c c c | p p p c; the last row of a sequence predicts nothing.
      expect([...(await read(rows))]).toEqual([0, 1, 2, 3, 0, 0, 0, 9, 0]);
      expect([...(await read(batch.ids))]).toEqual([1, 2, 50, 51, 52, 1, 2, 3, 50]);
      expect(firstRows(batch, traces, 'own')).toEqual([2, 8]);
      const values = Float32Array.from({ length: 9 }, (_, row) => row);
      expect([...completionValues(values, 2, traces[0] as (typeof traces)[0])]).toEqual([2, 3, 4]);
    });
  });

  it('refuses a trace without a prompt, whose first token nothing predicts', () => {
    expect(() => packTraces(device, [trace(0, 3)])).toThrow(/prompt of at least one token/);
  });
});

describe('tokenWeights', () => {
  it('sum to 1 and leave forced tokens out', () => {
    const traces = [trace(1, 4, [1]), trace(1, 2), trace(1, 5, [0, 4])];
    for (const normalisation of ['token', 'sequence'] as const) {
      const weights = tokenWeights(traces, normalisation);
      expect(weights.flatMap((w) => [...w]).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
      expect([weights[0]?.[1], weights[2]?.[0], weights[2]?.[4]]).toEqual([0, 0, 0]);
    }
    expect(tokenWeights(traces, 'token')[1]?.[0]).toBeCloseTo(1 / 8, 7);
    expect(tokenWeights(traces, 'sequence')[1]?.[0]).toBeCloseTo(1 / 6, 7);
  });

  it('are finite where the environment wrote a whole completion', () => {
    const traces = [trace(1, 2, [0, 1]), trace(1, 2)];
    expect(trainedTokens(traces[0] as (typeof traces)[0])).toBe(0);
    expect(tokenWeights(traces, 'sequence').map((w) => [...w])).toEqual([
      [0, 0],
      [0.25, 0.25],
    ]);
  });
});

describe('microBatches', () => {
  it('cuts into neighbours within the limit and loses nothing', () => {
    const tokens = (n: number): number => n;
    expect(microBatches([3, 3, 4, 10, 1, 12, 2], tokens, 10)).toEqual([[3, 3, 4], [10], [1], [12], [2]]);
    expect(microBatches([], tokens, 10)).toEqual([]);
  });
});
