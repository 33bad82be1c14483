import { ToolError } from '@dawngrad/tensor';

/** Ways in which a critic guides decoding (r-airl.md, section 8). */
export const GUIDANCE_METHODS = ['topk', 'chunk'] as const;
export type GuidanceMethod = (typeof GUIDANCE_METHODS)[number];

export interface Guidance {
  readonly method: GuidanceMethod;
  /** topk: tokens that are rescored at each step, and the weight of the critic's score: logit += alpha * score. */
  readonly k: number;
  readonly alpha: number;
  /** chunk: continuations that are tried, and their tokens. */
  readonly candidates: number;
  readonly stepSize: number;
  /** chunk: discount of position scores; the newest token weighs most. */
  readonly gamma: number;
  /** Critic scores are divided by it and clipped, as rewards are. */
  readonly temperature: number;
  readonly clip: readonly [number, number] | null;
}

/** Throws ToolError 'config' for settings out of range. */
export function checkGuidance({ method, k, alpha, candidates, stepSize, gamma }: Guidance): void {
  const refuse = (name: string, expected: string, got: number): never => {
    throw new ToolError('config', { op: `guidance.${name}`, expected, got: String(got) });
  };
  const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
  if (method === 'topk') {
    if (!isWhole(k)) refuse('k', 'a whole number of at least 1', k);
    if (!Number.isFinite(alpha)) refuse('alpha', 'a number', alpha);
    return;
  }
  if (!isWhole(candidates)) refuse('n_candidates', 'a whole number of at least 1', candidates);
  if (!isWhole(stepSize)) refuse('step_size', 'a whole number of at least 1', stepSize);
  if (!(gamma > 0 && gamma <= 1)) refuse('gamma', 'more than 0 and at most 1', gamma);
}

/** The score of a critic's logit. */
export function guidanceScore(logit: number, { temperature, clip }: Pick<Guidance, 'temperature' | 'clip'>): number {
  const score = logit / temperature;
  return clip === null ? score : Math.min(Math.max(score, clip[0]), clip[1]);
}

/** The mean of position scores, the newest at weight 1, the one before at gamma, and so on back. */
export function discountedMean(scores: readonly number[], gamma: number): number {
  let [sum, total] = [0, 0];
  for (let t = 0; t < scores.length; t++) {
    sum = sum * gamma + scores[t]!;
    total = total * gamma + 1;
  }
  return sum / total;
}
