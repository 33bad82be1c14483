import { affine, multiply } from '@dawngrad/tensor';
import type { PolicySurrogate } from './surrogate.ts';

/**
 * The plain policy gradient, L = -rho A, whose gradient on policy is that of -A log pi; off policy rho is the
 * importance weight, unbounded. Source: Williams 1992, Machine Learning 8, 229-256.
 */
export const reinforceSurrogate: PolicySurrogate = ({ ratio, advantage }) => ({
  perToken: affine(multiply(ratio, advantage), -1, 0),
  bounded: undefined,
});
