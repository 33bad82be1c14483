import type { PartCost } from './part.ts';

/** Weights of the model that take part in a product for each token: all but those of the embedding. */
const WEIGHTS = 103_168;

/** Bytes of a saved model of the recipe, with the files of its tokenizer. */
export const MODEL_BYTES = 475_000;

/** Tokens of an average problem, 2 to 4 rules: prompt and completion. */
export const SAMPLE_TOKENS = 7 + 29;

export interface TokenWork {
  /** Tokens that pass forward only: sampled, scored, or compared with. */
  readonly forward: number;
  /** Tokens that are trained on. */
  readonly trained?: number;
  readonly bytes: number;
}

/** The cost of so many tokens: 2 x weights forward, 6 x weights in training (study recipe, section 5). */
export function tokenCost({ forward, trained = 0, bytes }: TokenWork): PartCost {
  return {
    flops: WEIGHTS * (2 * forward + 6 * trained),
    tokens: Math.round(forward + trained),
    bytes: Math.round(bytes),
  };
}
