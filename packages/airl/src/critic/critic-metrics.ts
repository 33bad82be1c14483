import type { MetricRow } from '../metrics/names.ts';
import type { CriticUpdateResult } from './critic-update.ts';
import { type CriticLossName, criticObjectives } from './objectives/table.ts';

const BINS = 10;

/**
 * What the logits of an update say of the critic, as it was before the update. Where a loss sets no border between the
 * classes at a logit of 0, only the order of logits counts, and there is no probability to be calibrated.
 */
export function criticMetrics(
  result: CriticUpdateResult,
  labelSmoothing: number,
  loss: CriticLossName = 'bce',
): MetricRow {
  const { positiveLogits: positive, negativeLogits: negative, penalty, inputGradient } = result;
  if (!criticObjectives.get(loss).hasBorder) {
    const isExpert = [...positive.map(() => true), ...negative.map(() => false)];
    return {
      'disc/loss': result.loss,
      'disc/acc': auroc([...positive, ...negative], isExpert)!,
      'disc/logit_expert': mean(positive),
      'disc/logit_policy': mean(negative),
      ...(penalty === undefined ? {} : { 'disc/penalty': penalty }),
      ...(inputGradient === undefined ? {} : { 'disc/input_gradient': inputGradient }),
      'disc/grad_norm': result.gradientNorm,
      'disc/lr': result.lr,
    };
  }
  const bce = (target: number) => (logit: number) => softplus(logit) - target * logit;
  const accuracyExpert = mean(positive.map((logit) => (logit > 0 ? 1 : 0)));
  const accuracyPolicy = mean(negative.map((logit) => (logit < 0 ? 1 : 0)));
  return {
    'disc/loss': result.loss,
    'disc/loss_expert': mean(positive.map(bce(1 - labelSmoothing))),
    'disc/loss_policy': mean(negative.map(bce(labelSmoothing))),
    'disc/acc': (accuracyExpert + accuracyPolicy) / 2,
    'disc/acc_expert': accuracyExpert,
    'disc/acc_policy': accuracyPolicy,
    'disc/logit_expert': mean(positive),
    'disc/logit_policy': mean(negative),
    'disc/entropy': mean([...positive, ...negative].map(entropy)),
    'disc/calibration_ece': calibrationError(positive, negative),
    'disc/grad_norm': result.gradientNorm,
    'disc/lr': result.lr,
  };
}

/** Chance that a correct item scores above a wrong one, ties counted half; undefined where one kind is missing. */
export function auroc(scores: ArrayLike<number>, isCorrect: readonly boolean[]): number | undefined {
  const order = Array.from(isCorrect, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let rankSum = 0;
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) end++;
    // Ranks count from 1; tied items share their mean rank.
    const rank = (start + 1 + end) / 2;
    for (let i = start; i < end; i++) if (isCorrect[order[i]!]) rankSum += rank;
    start = end;
  }
  const correct = isCorrect.filter(Boolean).length;
  const wrong = isCorrect.length - correct;
  return correct === 0 || wrong === 0 ? undefined : (rankSum - (correct * (correct + 1)) / 2) / (correct * wrong);
}

/** Mean over ten bins of |share of experts - mean probability|, weighted by the items in the bin. */
function calibrationError(positive: readonly number[], negative: readonly number[]): number {
  const bins = Array.from({ length: BINS }, () => ({ probability: 0, experts: 0 }));
  const place = (label: number) => (logit: number) => {
    const probability = sigmoid(logit);
    const bin = bins[Math.min(BINS - 1, Math.floor(probability * BINS))]!;
    bin.probability += probability;
    bin.experts += label;
  };
  positive.forEach(place(1));
  negative.forEach(place(0));
  const gap = bins.reduce((total, { probability, experts }) => total + Math.abs(probability - experts), 0);
  return gap / (positive.length + negative.length);
}

function entropy(logit: number): number {
  // H = softplus(f) - sigmoid(f) f
  return softplus(logit) - sigmoid(logit) * logit;
}

function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}
