/**
 * A step of training a tiny GPT: embeddings with learned positions; blocks of layer norm, causal attention, layer norm
 * and a multilayer perceptron of four times the width with GELU (tanh form); a final layer norm; the embedding as
 * output matrix; mean negative log-likelihood; Adam. No biases but those of the norms.
 */
export interface GptSize {
  readonly sequences: number;
  readonly tokens: number;
  readonly vocabulary: number;
}

export const GPT = { width: 64, heads: 4, layers: 2 } as const;
export const NORM_EPS = 1e-5;
export const ADAM = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

/** The shapes that are compared: short, longer, and one whose time and memory go into its vocabulary. */
export const GPT_SIZES: readonly GptSize[] = [
  { sequences: 4, tokens: 64, vocabulary: 256 },
  { sequences: 4, tokens: 256, vocabulary: 256 },
  { sequences: 2, tokens: 512, vocabulary: 8192 },
];

export function describeGpt({ sequences, tokens, vocabulary }: GptSize): string {
  return `gpt step B${sequences} T${tokens} V${vocabulary}`;
}

/** With logits kept for the backward pass, as peers do; recomputing them is not counted. */
export function gptFlops({ sequences, tokens, vocabulary }: GptSize): number {
  const { width, layers } = GPT;
  const rows = sequences * tokens;
  const linears = layers * 12 * width * width;
  return 6 * rows * (linears + vocabulary * width) + 7 * layers * rows * (tokens + 1) * width;
}
