import type { DivergenceName } from '../../src/loss/policy/divergence.ts';
import type { PolicyLossName } from '../../src/loss/policy/table.ts';

export interface ObjectiveOptions {
  readonly loss: PolicyLossName;
  readonly low: number;
  readonly high: number;
  readonly delta: number;
  readonly beta: number;
  readonly form: DivergenceName;
  readonly unbiased: boolean;
}

export interface ObjectiveTokens {
  readonly oldLogp: readonly number[];
  readonly refLogp: readonly number[];
  readonly advantage: readonly number[];
  readonly weight: readonly number[];
  readonly trained: readonly number[];
  readonly sequence: readonly number[];
}

/**
 * The objectives of the policy in double precision, written down once more from their papers. `frozen` is where
 * the gradient is stopped: the value is that at `logp` = `frozen`, its derivative the one by `logp` alone.
 */
function objective(
  logp: readonly number[],
  frozen: readonly number[],
  tokens: ObjectiveTokens,
  { loss, low, high, delta, beta, form, unbiased }: ObjectiveOptions,
): number {
  const bound = (ratio: number): number => Math.min(Math.max(ratio, 1 - low), 1 + high);
  const clippedLoss = (ratio: number, a: number): number => -Math.min(Math.min(ratio, delta) * a, bound(ratio) * a);
  let total = 0;
  logp.forEach((now, t) => {
    if (tokens.trained[t] === 0) return;
    const a = tokens.advantage[t]!;
    const ratio = Math.exp(now - tokens.oldLogp[t]!);
    const d = tokens.refLogp[t]! - now;
    const own = tokens.trained.flatMap((one, k) =>
      one === 1 && tokens.sequence[k] === tokens.sequence[t] ? [frozen[k]! - tokens.oldLogp[k]!] : [],
    );
    const sequenceRatio = Math.exp(own.reduce((x, y) => x + y, 0) / own.length);
    const values: Record<PolicyLossName, () => number> = {
      clipped: () => clippedLoss(ratio, a),
      gspo: () => clippedLoss(sequenceRatio * Math.exp(now - frozen[t]!), a),
      cispo: () => -bound(Math.exp(frozen[t]! - tokens.oldLogp[t]!)) * a * now,
      reinforce: () => -ratio * a,
    };
    const k = { k1: -d, k2: d ** 2 / 2, k3: Math.exp(d) - d - 1 }[form];
    total += tokens.weight[t]! * (values[loss]() + beta * (unbiased ? ratio * k : k));
  });
  return total;
}

/** The value and the gradient by central differences. */
export function objectiveWithGradient(
  logp: readonly number[],
  tokens: ObjectiveTokens,
  options: ObjectiveOptions,
): { readonly value: number; readonly gradient: number[] } {
  const step = 1e-6;
  const at = (t: number, shift: number): number => objective(logp.with(t, logp[t]! + shift), logp, tokens, options);
  return {
    value: objective(logp, logp, tokens, options),
    gradient: logp.map((_, t) => (at(t, step) - at(t, -step)) / (2 * step)),
  };
}
