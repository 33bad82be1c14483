import { describe, expect, it } from 'vitest';
import { Draws } from '../../../src/data/draws.ts';
import {
  decodePrompt,
  drawProblem,
  encodePrompt,
  factsOf,
  problemKey,
  solve,
  splitOf,
} from '../../../src/task/inverse-rules/problem.ts';
import { wordsOf } from '../../../src/task/inverse-rules/vocabulary.ts';
import { createWorld } from '../../../src/task/inverse-rules/world.ts';

const world = createWorld(7);

describe('a problem', () => {
  it('is written in seven tokens with fillers', () => {
    const problem = { start: 8, rules: [3, 8, 0] };
    expect(wordsOf(encodePrompt(problem)).join(' ')).toBe('<q> 8 f3 f8 f0 . <think>');
    expect(decodePrompt(encodePrompt(problem))).toEqual(problem);
  });

  it('is solved by inverting one rule after the other', () => {
    const problem = { start: 8, rules: [3, 8, 0] };
    const digits = solve(world, problem);
    let value = problem.start;
    problem.rules.forEach((rule, i) => {
      expect(world.apply[rule * 10 + (digits[i] as number)]).toBe(value);
      value = digits[i] as number;
    });
    expect(factsOf(world, problem)).toEqual([38, 80 + (digits[0] as number), digits[1]]);
  });

  it('has all step counts equally often, from the least asked for to four', () => {
    const counts = [0, 0, 0, 0, 0];
    const draws = new Draws(1, 1, 0);
    for (let i = 0; i < 3000; i++) {
      const steps = drawProblem(world, 'train', 2, draws).rules.length;
      counts[steps] = (counts[steps] as number) + 1;
    }
    expect(counts.slice(0, 2)).toEqual([0, 0]);
    for (const count of counts.slice(2)) expect(Math.abs(count - 1000)).toBeLessThan(110);
  });
});

describe('splitOf', () => {
  it('gives train, dev and test about 80, 10 and 10 % and one-step problems to train', () => {
    const counts = { train: 0, dev: 0, test: 0 };
    const draws = new Draws(2, 1, 0);
    for (let i = 0; i < 5000; i++) {
      const problem = { start: draws.integer(10), rules: [draws.integer(40), draws.integer(40), draws.integer(40)] };
      counts[splitOf(world, problem)]++;
    }
    expect(Math.abs(counts.train / 5000 - 0.8)).toBeLessThan(0.025);
    expect(Math.abs(counts.dev / 5000 - 0.1)).toBeLessThan(0.02);
    for (let rule = 0; rule < 40; rule++) expect(splitOf(world, { start: 3, rules: [rule] })).toBe('train');
  });

  it('draws only problems of the split asked for', () => {
    const draws = new Draws(3, 1, 0);
    for (const split of ['train', 'dev', 'test'] as const) {
      for (let i = 0; i < 200; i++) expect(splitOf(world, drawProblem(world, split, 2, draws))).toBe(split);
    }
    expect(problemKey({ start: 1, rules: [2, 3] })).toBe('1:2,3');
  });
});
