/** What every library is asked to do, with the same numbers. */
export type Workload = MatmulWorkload | AttentionWorkload | TrainWorkload;

export interface MatmulWorkload {
  readonly kind: 'matmul';
  readonly name: string;
  readonly flops: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Causal attention over one sequence: loss = sum(o * w) and its gradients by q, k and v. */
export interface AttentionWorkload {
  readonly kind: 'attention';
  readonly name: string;
  readonly flops: number;
  readonly tokens: number;
  readonly heads: number;
  readonly headDim: number;
}

/**
 * A training step of a small decoder: token and position embeddings, blocks of RMSNorm, causal attention,
 * RMSNorm and SwiGLU, a final RMSNorm, the embedding as output matrix; mean negative log-likelihood; Adam.
 */
export interface TrainWorkload {
  readonly kind: 'train';
  readonly name: string;
  readonly flops: number;
  readonly sequences: number;
  readonly tokens: number;
  readonly vocabulary: number;
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
  readonly inner: number;
}

export const NORM_EPS = 1e-5;
export const ADAM = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

function matmul(m: number, n: number, k: number): MatmulWorkload {
  return { kind: 'matmul', name: `matmul ${m}x${n}x${k}`, flops: 2 * m * n * k, m, n, k };
}

function train(sequences: number, tokens: number, vocabulary: number): TrainWorkload {
  const [width, heads, layers, inner] = [64, 4, 2, 172];
  const rows = sequences * tokens;
  const linears = layers * (4 * width * width + 3 * width * inner);
  return {
    kind: 'train',
    name: `train step B${sequences} T${tokens} V${vocabulary} D${width} L${layers}`,
    // With logits kept for the backward pass, as the peers do; recomputing them is not counted.
    flops: 6 * rows * (linears + vocabulary * width) + 7 * layers * rows * (tokens + 1) * width,
    sequences,
    tokens,
    vocabulary,
    width,
    heads,
    layers,
    inner,
  };
}

const [TOKENS, HEADS, HEAD_DIM] = [1024, 4, 64];

export const workloads: readonly Workload[] = [
  matmul(256, 256, 256),
  matmul(512, 512, 512),
  matmul(1024, 1024, 1024),
  matmul(509, 509, 509),
  matmul(1000, 513, 37),
  {
    kind: 'attention',
    name: `attention forward+backward T${TOKENS} H${HEADS} E${HEAD_DIM}`,
    flops: 7 * TOKENS * (TOKENS + 1) * HEADS * HEAD_DIM,
    tokens: TOKENS,
    heads: HEADS,
    headDim: HEAD_DIM,
  },
  train(4, 64, 256),
  train(4, 256, 256),
  train(2, 512, 8192),
];
