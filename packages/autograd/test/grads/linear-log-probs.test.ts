import { accumulateGradients, grad, Parameters } from '@dawngrad/autograd';
import {
  add,
  type Device,
  linearLogProbs,
  linearLogProbsBytes,
  quantizeMatrix,
  readAll,
  scope,
  scopeAsync,
  sum,
  Tensor,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { indexArray, normalArray, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const values = (seed: number, shape: readonly number[]) => Float32Array.from(normalArray(seed, [...shape]).data);

/** Rows of a matrix of bf16 bits; each call overwrites what the one before gave. */
function rowReader(bits: Uint16Array, width: number): (row: number) => Float32Array {
  const words = new Uint32Array(width);
  return (row) => {
    for (let i = 0; i < width; i++) words[i] = bits[row * width + i]! << 16;
    return new Float32Array(words.buffer);
  };
}

/** What a row gives in float64, and d(logp + entropy)/d(hidden). */
function reference(
  hidden: Float32Array,
  { vocabulary, rowOf }: { vocabulary: number; rowOf: (row: number) => Float32Array },
  target: number,
  temperature: number,
) {
  const width = hidden.length;
  const logits = new Float64Array(vocabulary);
  for (let v = 0; v < vocabulary; v++) {
    const row = rowOf(v);
    let total = 0;
    for (let d = 0; d < width; d++) total += hidden[d]! * row[d]!;
    logits[v] = total / temperature;
  }
  const top = logits.reduce((a, b) => Math.max(a, b));
  const lse = top + Math.log(logits.reduce((a, l) => a + Math.exp(l - top), 0));
  const entropy = -logits.reduce((a, l) => a + Math.exp(l - lse) * (l - lse), 0);
  const gradient = new Float64Array(width);
  for (let v = 0; v < vocabulary; v++) {
    const p = Math.exp(logits[v]! - lse);
    const slope = ((v === target ? 1 : 0) - p - p * (logits[v]! - lse + entropy)) / temperature;
    const row = rowOf(v);
    for (let d = 0; d < width; d++) gradient[d] = gradient[d]! + slope * row[d]!;
  }
  return { logp: logits[target]! - lse, entropy, gradient };
}

describe('linearLogProbs of a vocabulary of 151,936 by 896 in bf16', () => {
  it('takes blocks within a binding, and no more memory than it says', async () => {
    const [vocabulary, width, rows] = [151_936, 896, 3];
    const most = Math.min(device.limits.maxStorageBufferBindingSize, 128 * 2 ** 20);
    const height = Math.floor(most / (2 * width) / 128) * 128;
    // Small values of every sign, from a linear congruence.
    const bits = new Uint16Array(vocabulary * width);
    let state = 1;
    for (let i = 0; i < bits.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      bits[i] = ((state >>> 16) & 0x8000) | (0x3c00 + ((state >>> 20) & 0x1ff));
    }
    await scopeAsync(async () => {
      const blocks: Tensor[] = [];
      for (let first = 0; first < vocabulary; first += height) {
        const count = Math.min(height, vocabulary - first);
        const part = bits.subarray(first * width, (first + count) * width);
        blocks.push(Tensor.from(device, part, [count, width], 'bf16'));
      }
      expect(blocks.map(({ shape }) => shape[0])).toEqual(
        most === 128 * 2 ** 20 ? [74_880, 74_880, 2176] : blocks.map(({ shape }) => shape[0]),
      );
      const targets = [5, 74_900, 151_935];
      const hidden = Tensor.from(device, values(1, [rows, width]), [rows, width]);
      const ids = Tensor.from(device, targets, [rows], 'u32');
      const temperature = 1.25;
      await device.finish();
      const weightRows = blocks.map(({ shape }) => shape[0]!);
      const workspace = linearLogProbsBytes(rows, weightRows, device.adapterClass);
      const live = device.memory.liveBytes;
      device.pool.resetPeak();
      const { logp, entropy } = linearLogProbs(hidden, blocks, ids, temperature);
      // The three results are 256 bytes each.
      expect(device.memory.peakLiveBytes - live).toBe(workspace.forward + 3 * 256);
      const { gradients } = grad(() => {
        const again = linearLogProbs(hidden, blocks, ids, temperature);
        return sum(add(again.logp, again.entropy));
      }, [hidden]);
      const [logps, entropies, slopes] = await readAll([logp, entropy, gradients[0]!]);
      const weight = { vocabulary, rowOf: rowReader(bits, width) };
      targets.forEach((target, n) => {
        const row = values(1, [rows, width]).subarray(n * width, (n + 1) * width);
        const expected = reference(row, weight, target, temperature);
        expect(Math.abs(logps![n]! - expected.logp)).toBeLessThan(2e-5);
        expect(Math.abs(entropies![n]! - expected.entropy)).toBeLessThan(2e-5);
        expect(worstError(slopes!.slice(n * width, (n + 1) * width), expected.gradient)).toBeLessThan(2e-5);
      });
    });
    device.pool.trim();
  }, 300_000);
});

// Older drivers take their time to compile what the formats need.
describe('the gradient of linearLogProbs', { timeout: 300_000 }, () => {
  const [rows, width] = [40, 24];
  const heights = [128, 700, 72];
  const vocabulary = 900;

  /** Gradients of sum(logp) + sum(entropy) by hidden states and weight, where the weight has blocks of `cut` rows. */
  async function gradients(cut: readonly number[]): Promise<Float32Array[]> {
    const specs = cut.map((height, i) => ({ name: `w${i}`, shape: [height, width], decay: true }));
    const parameters = new Parameters(device, 'test', [{ name: 'h', shape: [rows, width], decay: false }, ...specs], {
      trainable: true,
    });
    const weight = values(2, [vocabulary, width]);
    let end = 0;
    cut.forEach((height, i) => {
      end += height;
      parameters.set(`w${i}`, weight.slice((end - height) * width, end * width));
    });
    parameters.set('h', values(1, [rows, width]));
    return scopeAsync<Float32Array[]>(async () => {
      const targets = toTensor(device, indexArray(3, [rows], vocabulary));
      const blocks = specs.map(({ name }) => parameters.get(name));
      accumulateGradients([parameters], () => {
        const { logp, entropy } = linearLogProbs(parameters.get('h'), blocks, targets, 0.7);
        return { loss: add(sum(logp), sum(entropy)) };
      });
      const names = ['h', ...specs.map(({ name }) => name)];
      const found = await readAll(names.map((name) => parameters.gradient(name)!));
      parameters.dispose();
      return [found[0] as Float32Array, Float32Array.from(found.slice(1).flatMap((part) => Array.from(part)))];
    });
  }

  it('lands in the arena of each block, as that of the whole weight', async () => {
    const [whole, parts] = [await gradients([vocabulary]), await gradients(heights)];
    whole.forEach((gradient, i) => {
      expect(gradient.some((g) => g !== 0)).toBe(true);
      expect(worstError(parts[i]!, Float64Array.from(gradient))).toBeLessThan(1e-5);
    });
  });

  it('goes through quantised blocks, with the memory that it says', async () => {
    await scopeAsync(async () => {
      const blocks = [64, 37].map((height, i) =>
        quantizeMatrix(device, values(5 + i, [height, 64]), [height, 64], 'q4_0'),
      );
      const hidden = Tensor.from(device, values(1, [rows, 64]), [rows, 64]);
      const targets = toTensor(device, indexArray(3, [rows], 101));
      const loss = (): Tensor => sum(linearLogProbs(hidden, blocks, targets).logp);
      scope(() => grad(loss, [hidden]));
      await device.finish();
      const { forward, backward } = linearLogProbsBytes(rows, [64, 37], device.adapterClass);
      device.pool.resetPeak();
      const live = device.memory.liveBytes;
      scope(() => grad(loss, [hidden]));
      const peak = device.memory.peakLiveBytes - live;
      // dh of 10,240 bytes; ten vectors and scalars of 256 at most.
      expect(peak).toBeGreaterThanOrEqual(Math.max(forward, backward) + 10_240);
      expect(peak).toBeLessThanOrEqual(Math.max(forward, backward) + 10_240 + 10 * 256);
    });
  });
});
