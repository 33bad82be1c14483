import { describe, expect, it } from 'vitest';
import { Draws } from '../../../src/data/draws.ts';
import { drawProblem, type Problem, solve } from '../../../src/task/inverse-rules/problem.ts';
import {
  baseTrace,
  completionTokens,
  encodeTrace,
  expertTrace,
  firstError,
  parseTrace,
} from '../../../src/task/inverse-rules/trace.ts';
import { TOKEN, wordsOf } from '../../../src/task/inverse-rules/vocabulary.ts';
import { createWorld, factOf } from '../../../src/task/inverse-rules/world.ts';

const world = createWorld(5);

function problems(count: number, minSteps = 2): { problem: Problem; draws: Draws }[] {
  return Array.from({ length: count }, (_, i) => {
    const draws = new Draws(11, 2, i);
    return { problem: drawProblem(world, 'train', minSteps, draws), draws };
  });
}

describe('an expert trace', () => {
  it('has eight tokens a line and five in the tail, and is right throughout', () => {
    for (const { problem, draws } of problems(300)) {
      const ids = encodeTrace(expertTrace(world, problem, draws));
      expect(ids.length).toBe(8 * problem.rules.length + 5);
      expect(ids.length).toBe(completionTokens(problem.rules.length));
      expect(firstError(world, problem, ids)).toBeUndefined();
    }
  });

  it('reads as the recipe writes it', () => {
    const problem = { start: 8, rules: [3, 8] };
    const [a, b] = solve(world, problem) as [number, number];
    const text = wordsOf(encodeTrace(expertTrace(world, problem, new Draws(1, 1, 1)))).join(' ');
    expect(text.replace(/so|then|thus|hence/g, 'conn')).toBe(
      `conn 8 : f3 ${a} = 8 ; conn ${a} : f8 ${b} = ${a} ; </think> <answer> ${b} </answer> <eos>`,
    );
  });

  it('draws its connectives with probabilities .4, .3, .2 and .1', () => {
    const counts = [0, 0, 0, 0];
    let lines = 0;
    for (const { problem, draws } of problems(2000)) {
      for (const { connective } of expertTrace(world, problem, draws).lines) {
        counts[connective] = (counts[connective] as number) + 1;
        lines++;
      }
    }
    [0.4, 0.3, 0.2, 0.1].forEach((p, i) => {
      expect(Math.abs((counts[i] as number) / lines - p)).toBeLessThan(0.03);
    });
  });
});

describe('a base trace', () => {
  it('is right on 97.3 % of the facts it knows and on 31 % of the shaky ones, and writes honest results', () => {
    const seen = { known: 0, knownRight: 0, shaky: 0, shakyRight: 0, believed: 0 };
    for (const { problem, draws } of problems(4000)) {
      const trace = baseTrace(world, problem, draws);
      let running = problem.start;
      for (const { value, rule, guess, result } of trace.lines) {
        expect(value).toBe(running);
        expect(result).toBe(world.apply[rule * 10 + guess]);
        running = guess;
        const fact = factOf(rule, value);
        const right = guess === world.invert[fact] ? 1 : 0;
        if (world.shaky[fact] === 0) {
          seen.known++;
          seen.knownRight += right;
        } else {
          seen.shaky++;
          seen.shakyRight += right;
          seen.believed += guess === world.misbelief[fact] ? 1 : 0;
        }
      }
      expect(trace.answer).toBe(running);
    }
    expect(Math.abs(seen.knownRight / seen.known - 0.973)).toBeLessThan(0.01);
    expect(Math.abs(seen.shakyRight / seen.shaky - 0.31)).toBeLessThan(0.03);
    expect(Math.abs(seen.believed / seen.shaky - 0.61)).toBeLessThan(0.03);
  });

  it('ends at the right answer for about 40 % of the problems, over seeds', () => {
    let right = 0;
    let all = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const other = createWorld(seed);
      for (let i = 0; i < 500; i++) {
        const draws = new Draws(seed, 9, i);
        const problem = drawProblem(other, 'test', 2, draws);
        right += baseTrace(other, problem, draws).answer === solve(other, problem).at(-1) ? 1 : 0;
        all++;
      }
    }
    // The recipe's trained bases score 37.9 to 40.8; an untruthful chain may also end right by chance.
    expect(right / all).toBeGreaterThan(0.38);
    expect(right / all).toBeLessThan(0.52);
  });
});

describe('parseTrace', () => {
  it('gives back what was encoded', () => {
    for (const { problem, draws } of problems(100, 1)) {
      const trace = baseTrace(world, problem, draws);
      expect(parseTrace(encodeTrace(trace))).toEqual(trace);
    }
  });

  it('refuses any completion with a token left out or added', () => {
    const { problem, draws } = problems(1)[0] as { problem: Problem; draws: Draws };
    const ids = [...encodeTrace(expertTrace(world, problem, draws))];
    for (let t = 0; t < ids.length; t++) {
      expect(parseTrace(ids.toSpliced(t, 1))).toBeUndefined();
      expect(parseTrace(ids.toSpliced(t, 0, TOKEN.ok))).toBeUndefined();
      expect(parseTrace(ids.with(t, TOKEN.pad))).toBeUndefined();
    }
    expect(parseTrace([])).toBeUndefined();
  });
});

describe('firstError', () => {
  const problem = { start: 3, rules: [5, 33, 1] };
  const right = encodeTrace(expertTrace(world, problem, new Draws(1, 1, 1)));

  it('names the line and the first wrong token of it', () => {
    for (const [offset, name] of [
      [1, 'value'],
      [3, 'rule'],
      [4, 'guess'],
      [6, 'result'],
      [7, 'separator'],
    ] as const) {
      const ids = right.slice();
      ids[8 + offset] = (ids[8 + offset] as number) + 1;
      expect(firstError(world, problem, ids), name).toEqual({ step: 1, token: 8 + offset });
    }
  });

  it('does not mind another connective', () => {
    const ids = right.slice();
    ids[8] = TOKEN.firstConnective + ((right[8] as number) === TOKEN.firstConnective ? 1 : 0);
    expect(firstError(world, problem, ids)).toBeUndefined();
  });

  it('reports a wrong answer as the step after the last', () => {
    const ids = right.slice();
    ids[26] = TOKEN.firstDigit + (((ids[26] as number) - TOKEN.firstDigit + 1) % 10);
    expect(firstError(world, problem, ids)).toEqual({ step: 3, token: 26 });
  });

  it('reports a completion that stops early, goes on too long or skips a line', () => {
    expect(firstError(world, problem, right.slice(0, 10))).toEqual({ step: 1, token: 10 });
    expect(firstError(world, problem, [...right, TOKEN.eos])).toEqual({ step: 3, token: 29 });
    expect(firstError(world, problem, [...right.slice(8)])?.step).toBe(0);
  });
});
