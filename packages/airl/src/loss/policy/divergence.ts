import { affine, exp, multiply, subtract, type Tensor } from '@dawngrad/tensor';

/** An estimate of the divergence from the reference at one token, from d = log pi(ref) - log pi(new). */
export interface Divergence {
  /** On the device, by row. */
  readonly ofRows: (gap: Tensor) => Tensor;
  /** Of one token in double precision, for rewards. */
  readonly ofToken: (gap: number) => number;
}

/** The estimates of Schulman 2020, "Approximating KL divergence". To add one: a line here. */
export const DIVERGENCES = {
  /** -d: unbiased, of any sign; its gradient alone tells nothing (its mean is 0), see `unbiased`. */
  k1: { ofRows: (gap) => affine(gap, -1, 0), ofToken: (gap) => -gap },
  /** d^2 / 2: low variance, biased; its gradient is unbiased on policy. */
  k2: { ofRows: (gap) => affine(multiply(gap, gap), 0.5, 0), ofToken: (gap) => (gap * gap) / 2 },
  /** e^d - d - 1: unbiased, not negative; the gradient of its value is biased. */
  k3: { ofRows: (gap) => affine(subtract(exp(gap), gap), 1, -1), ofToken: (gap) => Math.expm1(gap) - gap },
} as const satisfies Record<string, Divergence>;

export type DivergenceName = keyof typeof DIVERGENCES;

export interface DivergenceOptions {
  readonly form: DivergenceName;
  /**
   * Weigh the estimate with rho, gradient included: d (rho k) = k d log pi + d k, whose mean is the gradient of
   * the divergence itself (DeepSeek-V3.2, arXiv 2512.02556, section 3.1).
   */
  readonly unbiased: boolean;
}
