import { grad } from '@dawngrad/autograd';
import { attendCache, attention, multiply, sum, Tensor } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { randomTensor } from '../values.ts';
import { recordedCase } from './recorded-case.ts';

interface AttentionSize {
  /** Sequences that are packed end to end. */
  readonly sequences: number;
  /** Tokens of each. */
  readonly tokens: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** A query sees itself and window - 1 keys before it; 0 for all. */
  readonly window: number;
}

/** Scores that the mask leaves: of a query with `p` keys up to it, min(p, window). */
function visible({ sequences, tokens, heads, window }: AttentionSize): number {
  const seen = window === 0 ? tokens : Math.min(window, tokens);
  return sequences * heads * ((seen * (seen + 1)) / 2 + (tokens - seen) * seen);
}

function describe({ sequences, tokens, heads, kvHeads, headDim, window }: AttentionSize): string {
  return `B${sequences} T${tokens} H${heads} K${kvHeads} E${headDim}${window > 0 ? ` W${window}` : ''}`;
}

/** Borders of sequences of equal length: first row and one past the last, for each row. */
function borderTensor(device: Tensor['device'], { sequences, tokens }: AttentionSize, shift: 0 | 1): Tensor {
  const data = Uint32Array.from(
    { length: sequences * tokens },
    (_, row) => (Math.floor(row / tokens) + shift) * tokens,
  );
  return Tensor.from(device, data, [data.length], 'u32', 'bench/segments');
}

interface CaseFlags {
  readonly isQuick?: boolean;
  readonly isLarge?: boolean;
}

/** Forward, or forward and the gradients of sum(o * w) by q, k and v. */
function attentionCase(
  size: AttentionSize,
  direction: 'forward' | 'forward+backward',
  flags: CaseFlags = {},
): BenchCase {
  const { sequences, tokens, heads, kvHeads, headDim, window } = size;
  const rows = sequences * tokens;
  const [query, keyValue] = [rows * heads * headDim, rows * kvHeads * headDim];
  const attrs = { scale: 1 / Math.sqrt(headDim), window };
  const isForward = direction === 'forward';
  return recordedCase({
    name: `attention ${direction} ${describe(size)}`,
    params: { ...size, dtype: 'f32' },
    work: {
      // Two products forward; scores again, dP, dQ, dK and dV backward. A multiply-add for each element of a head.
      flops: (isForward ? 2 : 7) * 2 * visible(size) * headDim,
      bytes: 4 * (isForward ? 2 : 6) * (query + keyValue),
    },
    inputs: (device) => [
      randomTensor(device, [rows, heads, headDim], 1),
      randomTensor(device, [rows, kvHeads, headDim], 2),
      randomTensor(device, [rows, kvHeads, headDim], 3),
      randomTensor(device, [rows, heads, headDim], 4),
      borderTensor(device, size, 0),
      borderTensor(device, size, 1),
    ],
    record: (inputs) => {
      const [q, k, v, w, start, end] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
      const attend = (): Tensor => attention(q, k, v, { start, end }, attrs);
      if (isForward) attend();
      else grad(() => sum(multiply(attend(), w)), [q, k, v]);
    },
    ...flags,
  });
}

/** One new query a sequence over a cache of `tokens` rows. */
function decodeCase(size: AttentionSize): BenchCase {
  const { sequences, tokens, heads, kvHeads, headDim, window } = size;
  return recordedCase({
    name: `attention decode ${describe(size)}`,
    params: { ...size, dtype: 'f32' },
    work: {
      flops: 4 * sequences * tokens * heads * headDim,
      bytes: 4 * sequences * headDim * (2 * tokens * kvHeads + 2 * heads),
    },
    inputs: (device) => {
      const shape = [sequences, tokens, kvHeads, headDim];
      return [
        randomTensor(device, [sequences, heads + 2 * kvHeads, headDim], 1),
        randomTensor(device, shape, 2),
        randomTensor(device, shape, 3),
        Tensor.from(device, new Uint32Array(sequences).fill(tokens), [sequences], 'u32', 'bench/length'),
      ];
    },
    record: (inputs) => {
      const [qkv, keys, values, length] = inputs as [Tensor, Tensor, Tensor, Tensor];
      attendCache(qkv, { keys, values }, length, { heads, kvHeads, scale: 1 / Math.sqrt(headDim), window });
    },
  });
}

const LONG_ATTENTION: AttentionSize = {
  sequences: 1,
  tokens: 1024,
  heads: 4,
  kvHeads: 4,
  headDim: 64,
  window: 0,
};
const GROUPED: AttentionSize = { sequences: 16, tokens: 256, heads: 8, kvHeads: 4, headDim: 32, window: 0 };

export const attentionCases: readonly BenchCase[] = [
  attentionCase(LONG_ATTENTION, 'forward'),
  attentionCase(LONG_ATTENTION, 'forward+backward'),
  ...[16, 32, 128, 256].map((headDim) =>
    attentionCase({ ...LONG_ATTENTION, tokens: 512, headDim }, 'forward+backward', { isQuick: headDim === 32 }),
  ),
  ...[64, 256].map((window) => attentionCase({ ...LONG_ATTENTION, window }, 'forward+backward')),
  attentionCase(GROUPED, 'forward'),
  attentionCase(GROUPED, 'forward+backward'),
  attentionCase({ ...LONG_ATTENTION, tokens: 8192, heads: 16, kvHeads: 4 }, 'forward+backward', { isLarge: true }),
  decodeCase({ ...GROUPED, sequences: 32, tokens: 512 }),
];
