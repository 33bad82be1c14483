import { Rng } from '@dawngrad/tensor';
import { logGamma } from './student.ts';

/** Tests of whether paired differences are centred on 0; p-values are two-sided. */
export interface PairedTest {
  /** Of the mean, under random signs (Fisher's permutation test for pairs). */
  readonly signFlipP: number;
  /** Of the signs alone: the binomial test on the pairs that differ. */
  readonly signP: number;
  readonly wins: number;
  readonly losses: number;
  readonly ties: number;
}

const STREAM = 0x666c6970;
/** Up to this many pairs that differ, all signs are gone through. */
const EXACT_PAIRS = 14;
const DRAWS = 10_000;

/** Compares pairs by their differences. Above 14 that differ, signs are drawn 10,000 times. */
export function pairedTest(differences: readonly number[], seed = 42): PairedTest {
  const wins = differences.filter((d) => d > 0).length;
  const losses = differences.filter((d) => d < 0).length;
  return {
    signFlipP: signFlipP(
      differences.filter((d) => d !== 0),
      seed,
    ),
    signP: signP(wins, losses),
    wins,
    losses,
    ties: differences.length - wins - losses,
  };
}

function signFlipP(differences: readonly number[], seed: number): number {
  const n = differences.length;
  if (n === 0) return 1;
  // Sums that are equal in exact arithmetic must count as equal.
  const reached = Math.abs(sum(differences)) - 1e-12 * sum(differences.map(Math.abs));
  if (n <= EXACT_PAIRS) {
    let count = 0;
    for (let signs = 0; signs < 2 ** n; signs++) {
      let total = 0;
      for (let i = 0; i < n; i++) total += (signs >> i) & 1 ? differences[i]! : -differences[i]!;
      if (Math.abs(total) >= reached) count++;
    }
    return count / 2 ** n;
  }
  const rng = new Rng(seed, STREAM);
  let count = 0;
  for (let draw = 0; draw < DRAWS; draw++) {
    let total = 0;
    for (let word = 0; word < n; word += 32) {
      const signs = rng.word(draw, word / 32);
      for (let i = word; i < Math.min(n, word + 32); i++) {
        total += (signs >>> (i - word)) & 1 ? differences[i]! : -differences[i]!;
      }
    }
    if (Math.abs(total) >= reached) count++;
  }
  // The observed signs are one of the draws (Phipson and Smyth 2010).
  return (count + 1) / (DRAWS + 1);
}

/** The two-sided binomial test of wins against losses at one half. */
function signP(wins: number, losses: number): number {
  const n = wins + losses;
  if (n === 0) return 1;
  let tail = 0;
  for (let k = 0; k <= Math.min(wins, losses); k++) {
    tail += Math.exp(logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1) - n * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
