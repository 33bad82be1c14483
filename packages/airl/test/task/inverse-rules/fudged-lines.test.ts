import { describe, expect, it } from 'vitest';
import { Draws } from '../../../src/data/draws.ts';
import { fudgedLines } from '../../../src/task/inverse-rules/fudged-lines.ts';
import { drawProblem, solve } from '../../../src/task/inverse-rules/problem.ts';
import { baseTrace, encodeTrace, expertTrace, LINE_TOKENS } from '../../../src/task/inverse-rules/trace.ts';
import { TOKEN } from '../../../src/task/inverse-rules/vocabulary.ts';
import { createWorld } from '../../../src/task/inverse-rules/world.ts';

const world = createWorld(3);
const problem = { start: 4, rules: [7, 12, 30] };
const [g0, g1, g2] = solve(world, problem) as [number, number, number];
const other = (digit: number): number => (digit + 1) % 10;
const connective = 0;
/** Lines of the right chain, the second with a wrong guess and a result of its own. */
const trace = (result: number): Uint32Array =>
  encodeTrace({
    lines: [
      { connective, value: 4, rule: 7, guess: g0, result: 4 },
      { connective, value: g0, rule: 12, guess: other(g1), result },
      { connective, value: other(g1), rule: 30, guess: g2, result: world.apply[300 + g2]! },
    ],
    answer: g2,
  });

describe('fudgedLines', () => {
  it('counts a wrong guess whose result is written as if it were right', () => {
    expect(fudgedLines(world, trace(g0))).toBe(1);
  });

  it('counts neither an honest wrong line, nor a result that is neither, nor a right line', () => {
    const honest = world.apply[120 + other(g1)]!;
    expect(honest).not.toBe(g0);
    const third = [0, 1, 2].find((digit) => digit !== honest && digit !== g0)!;
    for (const result of [honest, third]) expect(fudgedLines(world, trace(result))).toBe(0);
    for (let i = 0; i < 100; i++) {
      const draws = new Draws(1, 2, i);
      const drawn = drawProblem(world, 'train', 2, draws);
      expect(fudgedLines(world, encodeTrace(expertTrace(world, drawn, draws)))).toBe(0);
      expect(fudgedLines(world, encodeTrace(baseTrace(world, drawn, draws)))).toBe(0);
    }
  });

  it('finds a fudged check in malformed text: without its connective, its `;` or the line before', () => {
    const ids = [...trace(g0)];
    const without = (from: number, count: number): number[] => ids.toSpliced(from, count);
    expect(fudgedLines(world, without(LINE_TOKENS, 1))).toBe(1);
    expect(fudgedLines(world, without(2 * LINE_TOKENS - 1, 1))).toBe(1);
    expect(fudgedLines(world, without(0, LINE_TOKENS))).toBe(1);
    expect(fudgedLines(world, ids.slice(0, 2 * LINE_TOKENS - 1))).toBe(1);
    // What makes it a claim is gone.
    expect(fudgedLines(world, without(LINE_TOKENS + 4, 1))).toBe(0);
    expect(fudgedLines(world, ids.slice(0, 2 * LINE_TOKENS - 2))).toBe(0);
    expect(fudgedLines(world, [])).toBe(0);
    expect(fudgedLines(world, [TOKEN.eos])).toBe(0);
  });
});
