import { Draws } from '../../data/draws.ts';
import { STREAMS } from '../../data/streams.ts';
import { RULES } from './vocabulary.ts';

/** Number of facts (v, o): ten digits under each of the 40 rules. */
export const FACTS = 10 * RULES;

const SHAKY = 0.35;

/**
 * What is true and what the base model believes. A rule o is a permutation of the digits; the fact
 * (v, o) is the digit g with rule o(g) = v. For each fact a fixed coin says whether the writer of the
 * pre-training corpus is shaky on it, and then a fixed wrong digit is what it mostly writes.
 */
export interface World {
  readonly seed: number;
  /** apply[o * 10 + g] = rule o of g. */
  readonly apply: Uint8Array;
  /** invert[o * 10 + v] = the digit g with rule o of g equal to v. */
  readonly invert: Uint8Array;
  /** 1 where the base writer is shaky on the fact o * 10 + v. */
  readonly shaky: Uint8Array;
  /** The wrong digit that the base writer prefers for the fact o * 10 + v. */
  readonly misbelief: Uint8Array;
}

/** The index of the fact "the digit g with rule(g) = value" in the arrays of a world. */
export function factOf(rule: number, value: number): number {
  return rule * 10 + value;
}

/** The world of a seed (the recipe draws it from 1000 + seed). */
export function createWorld(seed: number): World {
  const apply = new Uint8Array(FACTS);
  const invert = new Uint8Array(FACTS);
  for (let rule = 0; rule < RULES; rule++) {
    const digits = new Draws(1000 + seed, STREAMS.rules, rule).distinct(10, 10);
    for (let digit = 0; digit < 10; digit++) {
      const value = digits[digit] as number;
      apply[rule * 10 + digit] = value;
      invert[rule * 10 + value] = digit;
    }
  }
  const shaky = new Uint8Array(FACTS);
  const misbelief = new Uint8Array(FACTS);
  for (let fact = 0; fact < FACTS; fact++) {
    const draws = new Draws(1000 + seed, STREAMS.beliefs, fact);
    shaky[fact] = draws.chance(SHAKY) ? 1 : 0;
    // One of the nine other digits, all equally likely.
    misbelief[fact] = ((invert[fact] as number) + 1 + draws.integer(9)) % 10;
  }
  return { seed, apply, invert, shaky, misbelief };
}
