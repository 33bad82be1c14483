import { grad } from '@dawngrad/autograd';
import { attendCache, attention, multiply, sum, Tensor } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { disposeAll, randomTensor } from '../values.ts';

interface AttentionSize {
  /** Sequences that are packed end to end. */
  readonly sequences: number;
  /** Tokens of each. */
  readonly tokens: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Multiply-adds of one product over the visible half of the scores, as FLOPs. */
function productFlops({ sequences, tokens, heads, headDim }: AttentionSize): number {
  return sequences * tokens * (tokens + 1) * heads * headDim;
}

function describe({ sequences, tokens, heads, kvHeads, headDim }: AttentionSize): string {
  return `B${sequences} T${tokens} H${heads} K${kvHeads} E${headDim}`;
}

function prepareInputs(device: Tensor['device'], size: AttentionSize) {
  const { sequences, tokens, heads, kvHeads, headDim } = size;
  const rows = sequences * tokens;
  const border = (shift: number): Tensor => {
    const data = Uint32Array.from({ length: rows }, (_, row) => (Math.floor(row / tokens) + shift) * tokens);
    return Tensor.from(device, data, [rows], 'u32', 'bench/segments');
  };
  return {
    q: randomTensor(device, [rows, heads, headDim], 1),
    k: randomTensor(device, [rows, kvHeads, headDim], 2),
    v: randomTensor(device, [rows, kvHeads, headDim], 3),
    segments: { start: border(0), end: border(1) },
    attrs: { scale: 1 / Math.sqrt(headDim), window: 0 },
  };
}

function elements({ sequences, tokens, heads, kvHeads, headDim }: AttentionSize): { q: number; kv: number } {
  return { q: sequences * tokens * heads * headDim, kv: sequences * tokens * kvHeads * headDim };
}

function forward(size: AttentionSize): BenchCase {
  const { q, kv } = elements(size);
  return {
    name: `attention forward ${describe(size)}`,
    work: { flops: 2 * productFlops(size), bytes: 4 * (2 * q + 2 * kv) },
    prepare: (device) => {
      const inputs = prepareInputs(device, size);
      return {
        record: () => {
          attention(inputs.q, inputs.k, inputs.v, inputs.segments, inputs.attrs);
          return [];
        },
        dispose: disposeAll([inputs.q, inputs.k, inputs.v, inputs.segments.start, inputs.segments.end]),
      };
    },
  };
}

/** Forward and the gradients of sum(o * w) by q, k and v. */
function forwardBackward(size: AttentionSize): BenchCase {
  const { q, kv } = elements(size);
  return {
    name: `attention forward+backward ${describe(size)}`,
    // Two products forward; scores again, dP, dQ, dK and dV backward.
    work: { flops: 7 * productFlops(size), bytes: 4 * (6 * q + 6 * kv) },
    prepare: (device) => {
      const inputs = prepareInputs(device, size);
      const w = randomTensor(device, inputs.q.shape, 4);
      return {
        record: () => {
          const { q, k, v, segments, attrs } = inputs;
          grad(() => sum(multiply(attention(q, k, v, segments, attrs), w)), [q, k, v]);
          return [];
        },
        dispose: disposeAll([inputs.q, inputs.k, inputs.v, w, inputs.segments.start, inputs.segments.end]),
      };
    },
  };
}

/** One new query a sequence over a cache of `tokens` rows. */
function decode(size: AttentionSize): BenchCase {
  const { sequences, tokens, heads, kvHeads, headDim } = size;
  return {
    name: `attention decode ${describe(size)}`,
    work: {
      flops: 4 * sequences * tokens * heads * headDim,
      bytes: 4 * sequences * headDim * (2 * tokens * kvHeads + 2 * heads),
    },
    prepare: (device) => {
      const q = randomTensor(device, [sequences, heads, headDim], 1);
      const shape = [sequences, tokens, kvHeads, headDim];
      const cache = { keys: randomTensor(device, shape, 2), values: randomTensor(device, shape, 3) };
      const length = Tensor.from(device, new Uint32Array(sequences).fill(tokens), [sequences], 'u32', 'bench/length');
      return {
        record: () => {
          attendCache(q, cache, length, { scale: 1 / Math.sqrt(headDim), window: 0 });
          return [];
        },
        dispose: disposeAll([q, cache.keys, cache.values, length]),
      };
    },
  };
}

const LONG = { sequences: 1, tokens: 1024, heads: 4, kvHeads: 4, headDim: 64 };
const GROUPED = { sequences: 16, tokens: 256, heads: 8, kvHeads: 4, headDim: 32 };

export const attentionCases: readonly BenchCase[] = [
  forward(LONG),
  forwardBackward(LONG),
  forward(GROUPED),
  forwardBackward(GROUPED),
  decode({ sequences: 32, tokens: 512, heads: 8, kvHeads: 4, headDim: 32 }),
];
