import { passAtK } from './pass-at-k.ts';

/**
 * The chance that the k best-scored samples hold a correct one. Samples with equal scores are taken
 * in random order and the chance is exact, so constant scores give `passAtK`. A non-finite score
 * ranks below every finite one.
 */
export function successAtK(scores: ArrayLike<number>, correct: readonly boolean[], k: number): number {
  const order = Array.from(correct, (_, i) => i).sort((a, b) => descending(scores[a]!, scores[b]!));
  let start = 0;
  let left = Math.min(k, order.length);
  while (left > 0) {
    let end = start + 1;
    while (end < order.length && descending(scores[order[start]!]!, scores[order[end]!]!) === 0) end++;
    const size = end - start;
    const right = order.slice(start, end).filter((i) => correct[i]).length;
    if (right > 0) return passAtK(size, right, Math.min(left, size));
    left -= Math.min(left, size);
    start = end;
  }
  return 0;
}

/** 1 when any sample is correct: the bound of every way to choose. */
export function oracle(correct: readonly boolean[]): number {
  return correct.includes(true) ? 1 : 0;
}

function descending(a: number, b: number): number {
  const finiteA = Number.isFinite(a);
  const finiteB = Number.isFinite(b);
  if (!finiteA || !finiteB) return Number(finiteB) - Number(finiteA);
  return b - a;
}
