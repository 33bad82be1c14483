import { grad } from '@dawngrad/autograd';
import { attention, compile, type Device, matmul, multiply, readAll, scopeAsync, sum, Tensor } from '@dawngrad/tensor';
import { GptStep } from '../gpt/gpt-step.ts';
import { disposeAll, randomTensor } from '../values.ts';
import type { Contender } from './contender.ts';

/** Launches side by side need their outputs at the same time; here memory counts for more. */
const LEAN = { merging: false };

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
      const step = compile(
        device,
        (inputs: readonly Tensor[], weight: Tensor) => {
          const [a, b, c] = inputs as [Tensor, Tensor, Tensor];
          const { loss, gradients } = grad(() => sum(multiply(attention(a, b, c, segments, attrs), weight)), inputs);
          return [loss, ...gradients];
        },
        LEAN,
      );
      return {
        run: (isCheck) =>
          scopeAsync(() => {
            const results = step([q, k, v], w);
            return readFloats(isCheck ? results : results.slice(0, 1));
          }),
        dispose: () => {
          step.dispose();
          disposeAll([q, k, v, w, segments.start, segments.end])();
        },
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
