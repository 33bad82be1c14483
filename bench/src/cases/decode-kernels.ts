import { attendCache, type Device, type SampleSettings, sample, Tensor, zeros } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { disposeAll, randomTensor } from '../values.ts';
import { linearCase, WEIGHT_FORMATS } from './weights.ts';

/*
 * The kernels of a decode step at the sizes of Qwen2.5-0.5B: products of a few rows with its matrices, attention of a
 * token a sequence, and the draw from its vocabulary.
 */

const HIDDEN = 896;
const INNER = 4864;
const VOCABULARY = 151_936;
const HEADS = { heads: 14, kvHeads: 2, headDim: 64 } as const;

/** Rows and columns of the output, key or value, gate and up, and down projections. */
const MATRICES = [
  [HIDDEN, HIDDEN],
  [128, HIDDEN],
  [2 * INNER, HIDDEN],
  [HIDDEN, INNER],
] as const;
/** A row block of the output layer: an eighth of its rows, larger than the caches in every format but the smallest. */
const OUTPUT_BLOCK = [VOCABULARY / 8, HIDDEN] as const;

const products: readonly BenchCase[] = WEIGHT_FORMATS.flatMap((format) => [
  ...[1, 4, 16].map((rows) => linearCase(rows, OUTPUT_BLOCK, format)),
  ...MATRICES.map((matrix) => linearCase(1, matrix, format)),
]);

const SAMPLINGS: Readonly<Record<string, SampleSettings>> = {
  plain: { temperature: 1, topK: 0, topP: 1, minP: 0 },
  greedy: { temperature: 0, topK: 0, topP: 1, minP: 0 },
  'top-p 0.95': { temperature: 1, topK: 0, topP: 0.95, minP: 0 },
  'top-k 20, top-p 0.8, penalty 1.1': { temperature: 0.7, topK: 20, topP: 0.8, minP: 0, repetitionPenalty: 1.1 },
};

/** A draw a row. The work counts one read of the logits. */
function sampleCase(rows: number, name: string, settings: SampleSettings): BenchCase {
  const capacity = 1024;
  return {
    name: `sample ${name} B${rows} V${VOCABULARY}`,
    params: { rows, vocabulary: VOCABULARY, ...settings },
    work: { flops: 0, bytes: 4 * rows * VOCABULARY, tokens: rows },
    isQuick: rows === 1 && name === 'plain',
    prepare: (device: Device) => {
      const logits = randomTensor(device, [rows, VOCABULARY], 1);
      const words = (value: number): Tensor =>
        Tensor.from(device, new Uint32Array(rows).fill(value), [rows], 'u32', 'bench/rows');
      const ids = Uint32Array.from({ length: rows * capacity }, (_, i) => (i * 7919) % VOCABULARY);
      const tokens = Tensor.from(device, ids, [rows, capacity], 'u32', 'bench/history');
      const [rowIds, steps, lengths, newest] = [words(1), words(3), words(capacity / 2), words(9)] as const;
      return {
        record: () => {
          sample(logits, rowIds, steps, settings, { seed: 1, stream: 1 }, { tokens, lengths, newest });
          return [];
        },
        dispose: disposeAll([logits, tokens, rowIds, steps, lengths, newest]),
      };
    },
  };
}

/** One token a sequence over `past` cached ones; with norms of heads, as in Qwen3, where asked for. */
function attendCase(rows: number, past: number, dtype: 'f32' | 'bf16', normed: boolean): BenchCase {
  const { heads, kvHeads, headDim } = HEADS;
  const bytes = dtype === 'f32' ? 4 : 2;
  return {
    name: `attend cache ${dtype}${normed ? ' normed' : ''} B${rows} past ${past}`,
    params: { rows, past, ...HEADS, dtype, normed },
    work: {
      flops: 4 * rows * past * heads * headDim,
      bytes: 2 * rows * past * kvHeads * headDim * bytes + 4 * rows * (2 * heads + 2 * kvHeads) * headDim,
    },
    prepare: (device: Device) => {
      const shape = [rows, past, kvHeads, headDim];
      const cached = (): Tensor => zeros(device, shape, 'bench/cache', dtype);
      const qkv = randomTensor(device, [rows, heads + 2 * kvHeads, headDim], 1);
      const [keys, values] = [cached(), cached()];
      const table = randomTensor(device, [past, headDim], 2);
      const length = Tensor.from(device, new Uint32Array(rows).fill(past), [rows], 'u32', 'bench/length');
      const weights = [randomTensor(device, [headDim], 3), randomTensor(device, [headDim], 4)] as const;
      const norms = normed ? { query: weights[0], key: weights[1], eps: 1e-6 } : undefined;
      const attrs = { heads, kvHeads, scale: headDim ** -0.5, window: 0 };
      return {
        record: () => {
          attendCache(qkv, { keys, values }, length, attrs, table, norms);
          return [];
        },
        dispose: disposeAll([qkv, keys, values, table, length, ...weights]),
      };
    },
  };
}

export const decodeKernelCases: readonly BenchCase[] = [
  ...products,
  ...Object.entries(SAMPLINGS).flatMap(([name, settings]) => [1, 16].map((rows) => sampleCase(rows, name, settings))),
  ...[1, 16].flatMap((rows) => [
    attendCase(rows, 512, 'f32', false),
    attendCase(rows, 512, 'f32', true),
    attendCase(rows, 512, 'bf16', false),
  ]),
];
