import { grad } from '@dawngrad/autograd';
import { attention, compile, multiply, sum, Tensor } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { disposeAll, randomTensor } from '../values.ts';
import { trainStepCases } from './train-step.ts';

const [HEADS, HEAD_DIM] = [4, 64];

/** Launches side by side need their outputs at the same time; here memory counts for more. */
const LEAN = { merging: false };

/** Causal attention over one sequence and the gradients of sum(o * w) by q, k and v, as a compiled step. */
function attentionMemory(tokens: number): BenchCase {
  return {
    name: `attention forward+backward T${tokens} H${HEADS} E${HEAD_DIM}, compiled`,
    params: { tokens, heads: HEADS, headDim: HEAD_DIM, dtype: 'f32', mode: 'compiled' },
    work: { flops: 7 * tokens * (tokens + 1) * HEADS * HEAD_DIM, bytes: 0 },
    isQuick: tokens <= 1024,
    prepare: (device) => {
      const inputs = [1, 2, 3].map((seed) => randomTensor(device, [tokens, HEADS, HEAD_DIM], seed));
      const weight = randomTensor(device, [tokens, HEADS, HEAD_DIM], 4);
      const border = (row: number): Tensor =>
        Tensor.from(device, new Uint32Array(tokens).fill(row), [tokens], 'u32', 'bench/segments');
      const segments = { start: border(0), end: border(tokens) };
      const attrs = { scale: 1 / Math.sqrt(HEAD_DIM), window: 0 };
      const step = compile(
        device,
        (tensors: readonly Tensor[], w: Tensor) => {
          const [q, k, v] = tensors as [Tensor, Tensor, Tensor];
          const { loss, gradients } = grad(() => sum(multiply(attention(q, k, v, segments, attrs), w)), tensors);
          return [loss, ...gradients];
        },
        LEAN,
      );
      return {
        record: () => {
          step(inputs, weight);
          return [];
        },
        dispose: () => {
          step.dispose();
          disposeAll([...inputs, weight, segments.start, segments.end])();
        },
      };
    },
  };
}

/**
 * Where the peak of bytes is what matters: attention by its length, which must grow linearly, and the steps of
 * training.
 */
export const memoryCases: readonly BenchCase[] = [
  ...[256, 512, 1024, 2048, 4096].map(attentionMemory),
  ...trainStepCases,
];
