import { describeGpt, GPT_SIZES, type GptSize, gptFlops } from '../gpt/gpt-size.ts';
import type { Params } from '../row.ts';

/** What every library is asked to do, with the same numbers. */
export type Workload = MatmulWorkload | AttentionWorkload | TrainWorkload;

interface WorkloadBase {
  readonly name: string;
  readonly params: Params;
  readonly flops: number;
  /** Bytes of inputs and outputs, each once; 0 where that says little about the work. */
  readonly bytes: number;
  /** Runs with `--quick` too. */
  readonly isQuick: boolean;
}

export interface MatmulWorkload extends WorkloadBase {
  readonly kind: 'matmul';
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA: boolean;
  readonly transB: boolean;
}

/** Causal attention over one sequence: loss = sum(o * w) and its gradients by q, k and v. */
export interface AttentionWorkload extends WorkloadBase {
  readonly kind: 'attention';
  readonly tokens: number;
  readonly heads: number;
  readonly headDim: number;
}

export interface TrainWorkload extends WorkloadBase {
  readonly kind: 'train';
  readonly size: GptSize;
}

const LAYOUTS = ['NN', 'NT', 'TN', 'TT'] as const;

function matmul(
  m: number,
  n: number,
  k: number,
  layout: (typeof LAYOUTS)[number] = 'NN',
  isQuick = false,
): MatmulWorkload {
  const sizes = { m, n, k, transA: layout[0] === 'T', transB: layout[1] === 'T' };
  return {
    kind: 'matmul',
    name: `matmul ${layout} ${m}x${n}x${k}`,
    params: { ...sizes, dtype: 'f32' },
    flops: 2 * m * n * k,
    bytes: 4 * (m * k + k * n + m * n),
    isQuick,
    ...sizes,
  };
}

function attention(tokens: number): AttentionWorkload {
  const sizes = { tokens, heads: 4, headDim: 64 };
  return {
    kind: 'attention',
    name: `attention forward+backward T${tokens} H${sizes.heads} E${sizes.headDim}`,
    params: { ...sizes, dtype: 'f32' },
    // Two products forward and five backward over the visible half.
    flops: 7 * tokens * (tokens + 1) * sizes.heads * sizes.headDim,
    bytes: 0,
    isQuick: tokens <= 512,
    ...sizes,
  };
}

function train(size: GptSize): TrainWorkload {
  return {
    kind: 'train',
    name: describeGpt(size),
    params: { ...size },
    flops: gptFlops(size),
    bytes: 0,
    isQuick: size.tokens <= 64,
    size,
  };
}

export const workloads: readonly Workload[] = [
  matmul(256, 256, 256, 'NN', true),
  ...LAYOUTS.map((layout) => matmul(512, 512, 512, layout, layout === 'NN')),
  matmul(1024, 1024, 1024),
  ...LAYOUTS.map((layout) => matmul(509, 509, 509, layout)),
  matmul(1000, 513, 37),
  matmul(1000, 37, 513),
  matmul(4096, 64, 64),
  ...[256, 512, 1024, 2048].map(attention),
  ...GPT_SIZES.map(train),
];
