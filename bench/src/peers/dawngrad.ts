import { grad } from '@dawngrad/autograd';
import { attention, type Device, matmul, multiply, readAll, scopeAsync, sum, Tensor } from '@dawngrad/tensor';
import { GptStep } from '../gpt/gpt-step.ts';
import { disposeAll, randomTensor } from '../values.ts';
import type { Contender } from './contender.ts';

async function readFloats(tensors: readonly Tensor[]): Promise<Float32Array[]> {
  return (await readAll(tensors)) as Float32Array[];
}

export function dawngradContender(device: Device): Contender {
  return {
    name: 'dawngrad',
    matmul: async ({ m, n, k, transA, transB }) => {
      const a = randomTensor(device, transA ? [k, m] : [m, k], 1);
      const b = randomTensor(device, transB ? [n, k] : [k, n], 2);
      return {
        run: () => scopeAsync(() => readFloats([matmul(a, b, { transA, transB })])),
        dispose: disposeAll([a, b]),
      };
    },
    attention: async ({ tokens, heads, headDim }) => {
      const [q, k, v, w] = [1, 2, 3, 4].map((seed) => randomTensor(device, [tokens, heads, headDim], seed)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const border = (row: number): Tensor =>
        Tensor.from(device, new Uint32Array(tokens).fill(row), [tokens], 'u32', 'bench/segments');
      const segments = { start: border(0), end: border(tokens) };
      const attrs = { scale: 1 / Math.sqrt(headDim), window: 0 };
      return {
        run: (isCheck) =>
          scopeAsync(async () => {
            const { loss, gradients } = grad(() => sum(multiply(attention(q, k, v, segments, attrs), w)), [q, k, v]);
            return readFloats(isCheck ? [loss, ...gradients] : [loss]);
          }),
        dispose: disposeAll([q, k, v, w, segments.start, segments.end]),
      };
    },
    train: async ({ size }) => {
      const step = new GptStep(device, size);
      return {
        run: () => scopeAsync(() => readFloats([step.recordPlanned()])),
        dispose: () => step.dispose(),
      };
    },
  };
}
