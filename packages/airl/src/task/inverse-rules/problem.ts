import type { Draws } from '../../data/draws.ts';
import { hashText } from '../../data/hash-text.ts';
import { digitOf, RULES, ruleOf, TOKEN } from './vocabulary.ts';
import { factOf, type World } from './world.ts';

/** The longest chain that is ever trained on; prompts are padded with the filler to this many rules. */
export const MAX_STEPS = 4;

/** Tokens of the prompt of a chain of so many rules: `<q> v0 o1 .. o4 <think>`, and more only beyond four. */
export function promptTokens(steps: number): number {
  return Math.max(MAX_STEPS, steps) + 3;
}

/** Invert `rules[0]` at `start`, then `rules[1]` at the result, and so on. */
export interface Problem {
  readonly start: number;
  readonly rules: readonly number[];
}

/** A text that names the problem; also its id. */
export function problemKey(problem: Problem): string {
  return `${problem.start}:${problem.rules.join(',')}`;
}

/** The prompt's tokens, `promptTokens(steps)` long. */
export function encodePrompt(problem: Problem): Uint32Array {
  const ids = new Uint32Array(promptTokens(problem.rules.length)).fill(TOKEN.filler);
  ids[0] = TOKEN.question;
  ids[1] = TOKEN.firstDigit + problem.start;
  problem.rules.forEach((rule, step) => {
    ids[2 + step] = TOKEN.firstRule + rule;
  });
  ids[ids.length - 1] = TOKEN.think;
  return ids;
}

/** The problem that a prompt's tokens state. */
export function decodePrompt(promptIds: ArrayLike<number>): Problem {
  const rules: number[] = [];
  for (let i = 2; i < promptIds.length - 1; i++) {
    const rule = ruleOf(promptIds[i]);
    if (rule !== undefined) rules.push(rule);
  }
  return { start: digitOf(promptIds[1]) as number, rules };
}

/** The right digits of the chain, one a step; the last one is the answer. */
export function solve(world: World, problem: Problem): number[] {
  let value = problem.start;
  return problem.rules.map((rule) => {
    value = world.invert[factOf(rule, value)] as number;
    return value;
  });
}

/** The facts (`factOf`) that the right solution of a problem needs, in order. */
export function factsOf(world: World, problem: Problem): number[] {
  const digits = solve(world, problem);
  return problem.rules.map((rule, step) => factOf(rule, step === 0 ? problem.start : (digits[step - 1] as number)));
}

export type Split = 'train' | 'dev' | 'test';

/**
 * The split that a problem belongs to, by hash: 80 % train, 10 % dev, 10 % test. Every problem that
 * is ever written (pre-training documents, demonstrations, unlabelled prompts) is of the train split,
 * so nothing that is tested was seen. One-step problems are single facts and always of the train split.
 */
export function splitOf(world: World, problem: Problem): Split {
  if (problem.rules.length < 2) return 'train';
  const part = hashText(problemKey(problem), world.seed) % 10;
  return part === 0 ? 'test' : part === 1 ? 'dev' : 'train';
}

/** A random problem of a split with `minSteps` to `maxSteps` steps, all step counts equally likely. */
export function drawProblem(
  world: World,
  split: Split,
  minSteps: number,
  draws: Draws,
  maxSteps: number = MAX_STEPS,
): Problem {
  const steps = minSteps + draws.integer(maxSteps - minSteps + 1);
  for (;;) {
    const start = draws.integer(10);
    const rules = Array.from({ length: steps }, () => draws.integer(RULES));
    const problem = { start, rules };
    if (splitOf(world, problem) === split) return problem;
  }
}
