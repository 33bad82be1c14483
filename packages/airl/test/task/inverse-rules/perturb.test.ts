import { describe, expect, it } from 'vitest';
import { Draws } from '../../../src/data/draws.ts';
import { ADD_LINE, perturbTrace, STRUCTURAL_EDITS, TRACE_EDITS } from '../../../src/task/inverse-rules/perturb.ts';
import { drawProblem } from '../../../src/task/inverse-rules/problem.ts';
import { encodeTrace, expertTrace, firstError, parseTrace } from '../../../src/task/inverse-rules/trace.ts';
import { TOKEN } from '../../../src/task/inverse-rules/vocabulary.ts';
import { createWorld } from '../../../src/task/inverse-rules/world.ts';

const world = createWorld(2);
const cases = Array.from({ length: 200 }, (_, i) => {
  const draws = new Draws(4, 4, i);
  const problem = drawProblem(world, 'train', 2, draws);
  return { problem, trace: expertTrace(world, problem, draws), draws };
});

describe('perturbTrace', () => {
  for (const kind of TRACE_EDITS) {
    it(`${kind} keeps the layout and always makes the trace wrong`, () => {
      for (const { problem, trace, draws } of cases) {
        const ids = perturbTrace(world, trace, kind, draws);
        expect(parseTrace(ids)).toBeDefined();
        expect(firstError(world, problem, ids)).toBeDefined();
      }
    });
  }

  for (const kind of STRUCTURAL_EDITS) {
    it(`${kind} shortens the trace, makes it wrong and leaves the end token`, () => {
      for (const { problem, trace, draws } of cases) {
        const source = encodeTrace(trace);
        const ids = perturbTrace(world, trace, kind, draws);
        expect(source.length - ids.length).toBe(kind === 'drop-line' ? 8 : 1);
        expect(firstError(world, problem, ids)).toBeDefined();
        expect(ids.at(-1)).toBe(TOKEN.eos);
      }
    });
  }

  it('add-line goes on from the answer by another rule, mostly rightly, and ends as before', () => {
    let right = 0;
    for (const { problem, trace, draws } of cases) {
      const ids = perturbTrace(world, trace, ADD_LINE, draws);
      expect(ids.length).toBe(encodeTrace(trace).length + 8);
      const { lines, answer } = parseTrace(ids)!;
      expect(lines.slice(0, -1)).toEqual(trace.lines);
      const { value, guess, rule, result } = lines.at(-1)!;
      expect(value).toBe(trace.answer);
      expect(result).toBe(world.apply[rule * 10 + guess]);
      expect([guess, trace.answer]).toContain(answer);
      expect(firstError(world, problem, ids)).toEqual({ step: trace.lines.length, token: trace.lines.length * 8 });
      if (result === value) right++;
    }
    expect(right).toBeGreaterThan(100);
    expect(right).toBeLessThan(180);
  });

  it('change-numbers edits one or two numbers and no other token, guesses most often', () => {
    const places = new Map<number, number>();
    for (const { trace, draws } of cases) {
      const source = encodeTrace(trace);
      const ids = perturbTrace(world, trace, 'change-numbers', draws);
      const changed = [...ids.keys()].filter((t) => ids[t] !== source[t]);
      expect(changed.length).toBeGreaterThanOrEqual(1);
      expect(changed.length).toBeLessThanOrEqual(2);
      for (const t of changed) {
        expect([1, 4, 6]).toContain(t % 8);
        places.set(t % 8, (places.get(t % 8) ?? 0) + 1);
      }
    }
    expect(places.get(4)).toBeGreaterThan(2 * (places.get(1) as number));
    expect(places.get(4)).toBeGreaterThan(2 * (places.get(6) as number));
  });

  it('edits the answer alone, to a neighbour or to another number of the trace', () => {
    for (const { trace, draws } of cases) {
      const shifted = parseTrace(perturbTrace(world, trace, 'shift-answer', draws));
      expect([1, 9]).toContain(((shifted?.answer as number) - trace.answer + 10) % 10);
      expect(shifted?.lines).toEqual(trace.lines);
      const copied = parseTrace(perturbTrace(world, trace, 'copy-answer', draws));
      expect(copied?.answer).not.toBe(trace.answer);
      expect(copied?.lines).toEqual(trace.lines);
    }
  });

  it('finds another answer even where the trace holds one number only', () => {
    const line = { connective: 0, value: 4, rule: 1, guess: 4, result: 4 };
    const ids = perturbTrace(world, { lines: [line, line], answer: 4 }, 'copy-answer', new Draws(1, 1, 1));
    expect(parseTrace(ids)?.answer).not.toBe(4);
  });
});
