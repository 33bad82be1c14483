import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { linearLogProbs, linearLogProbsBytes } from '../../src/ops/linear-log-probs.ts';
import { matmul } from '../../src/ops/matmul.ts';
import { readAll } from '../../src/ops/read.ts';
import { indexArray, normalArray } from '../../src/ops/reference.ts';
import { logSoftmax } from '../../src/ops/softmax.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor } from '../../src/testing/compare.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe('linearLogProbs', () => {
  it('equals the log-softmax of the whole matrix of logits, at the target', async () => {
    await scopeAsync(async () => {
      const [rows, vocabulary, width] = [70, 1500, 24];
      const hidden = toTensor(device, normalArray(1, [rows, width]));
      const weight = toTensor(device, normalArray(2, [vocabulary, width]));
      const targets = indexArray(3, [rows], vocabulary);
      const { logp, entropy } = linearLogProbs(hidden, weight, toTensor(device, targets));
      const [fused, entropies, whole] = await readAll([
        logp,
        entropy,
        logSoftmax(matmul(hidden, weight, { transB: true })),
      ]);
      for (let n = 0; n < rows; n++) {
        const row = (whole as Float32Array).subarray(n * vocabulary, (n + 1) * vocabulary);
        expect(fused![n]).toBeCloseTo(row[targets.data[n]!]!, 4);
        expect(entropies![n]).toBeCloseTo(-row.reduce((a, l) => a + Math.exp(l) * l, 0), 4);
      }
    });
  });

  it('gives entropies from 0 to ln V', async () => {
    await scopeAsync(async () => {
      const weight = Tensor.from(device, [0, 0, 0, 0, 100, 0, 0, 0], [8, 1]);
      const hidden = Tensor.from(device, [0, 1], [2, 1]);
      const { logp, entropy } = linearLogProbs(hidden, weight, Tensor.from(device, [3, 4], [2], 'u32'));
      const [logps, entropies] = await readAll([logp, entropy]);
      expect(logps![0]).toBeCloseTo(-Math.log(8), 6);
      expect(entropies![0]).toBeCloseTo(Math.log(8), 6);
      expect([logps![1], entropies![1]].map((value) => Math.abs(value!))).toEqual([0, 0]);
    });
  });

  it('divides the logits by the temperature', async () => {
    await scopeAsync(async () => {
      const weight = Tensor.from(device, [1, 3], [2, 1]);
      const { logp } = linearLogProbs(
        Tensor.from(device, [1], [1, 1]),
        weight,
        Tensor.from(device, [0], [1], 'u32'),
        2,
      );
      expect((await readAll([logp]))[0]![0]).toBeCloseTo(-Math.log(1 + Math.E), 6);
    });
  });
});

describe('linearLogProbsBytes', () => {
  it('names a block of logits: 4 MiB, or a 16th of all, or less on a CPU', () => {
    // A scratch of 2^20 logits, and three numbers a row.
    const heights = [74_880, 74_880, 2176];
    expect(linearLogProbsBytes(64, heights, 'gpu')).toEqual({ forward: 2 ** 22 + 768, backward: 2 ** 22 });
    // Of 1,024 columns, which stay in cache.
    expect(linearLogProbsBytes(64, heights, 'cpu').backward).toBe(4 * 64 * 1024);
    expect(linearLogProbsBytes(8192, [8192], 'gpu').backward).toBe((4 * (8192 * 8192)) / 16);
    // In registers: 12 bytes a row for each 1024 columns of a block.
    expect(linearLogProbsBytes(64, [2048, 100], 'cpu').forward).toBe(3 * 12 * 64);
    expect(linearLogProbsBytes(64, [1000], 'cpu').forward).toBe(0);
  });
});
