import { describe, expect, it } from 'vitest';
import { createDocument } from '../../../src/task/inverse-rules/documents.ts';
import { decodePrompt, splitOf } from '../../../src/task/inverse-rules/problem.ts';
import { firstError, parseTrace, type Trace } from '../../../src/task/inverse-rules/trace.ts';
import { TOKEN } from '../../../src/task/inverse-rules/vocabulary.ts';
import { createWorld, factOf } from '../../../src/task/inverse-rules/world.ts';

const world = createWorld(6);
const COUNT = 4000;
const documents = Array.from({ length: COUNT }, (_, i) => createDocument(world, i));

/** The trace of a reviewed document, with its verdicts taken off. */
function unreviewed(completionIds: Uint32Array): Trace {
  return parseTrace(completionIds.map((id) => (id === TOKEN.ok || id === TOKEN.no ? TOKEN.semicolon : id))) as Trace;
}

describe('createDocument', () => {
  it('is a pure function of seed and index', () => {
    expect(createDocument(createWorld(6), 123)).toEqual(documents[123]);
    expect(createDocument(createWorld(8), 123)).not.toEqual(documents[123]);
  });

  it('writes problems of one to four steps, of the train split only', () => {
    const counts = [0, 0, 0, 0, 0];
    for (const { promptIds, completionIds } of documents) {
      const problem = decodePrompt(promptIds);
      counts[problem.rules.length] = (counts[problem.rules.length] as number) + 1;
      expect(splitOf(world, problem)).toBe('train');
      expect(completionIds.length).toBe(8 * problem.rules.length + 5);
      expect(promptIds.length).toBe(7);
    }
    for (const count of counts.slice(1)) expect(Math.abs(count / COUNT - 0.25)).toBeLessThan(0.03);
  });

  it('is proof-read in 30 % of the cases, under its own tag and with a verdict a line', () => {
    const reviewed = documents.filter(({ kind }) => kind === 'reviewed');
    expect(Math.abs(reviewed.length / COUNT - 0.3)).toBeLessThan(0.03);
    for (const { promptIds, completionIds, kind } of documents) {
      expect(promptIds[6]).toBe(kind === 'reviewed' ? TOKEN.review : TOKEN.think);
      const verdicts = completionIds.filter((id) => id === TOKEN.ok || id === TOKEN.no).length;
      expect(verdicts).toBe(kind === 'reviewed' ? (completionIds.length - 5) / 8 : 0);
      expect(completionIds.includes(TOKEN.semicolon)).toBe(kind === 'trace');
    }
  });

  it('says ok of a line exactly when value, rule, guess and result are right', () => {
    for (const { promptIds, completionIds, kind } of documents) {
      if (kind !== 'reviewed') continue;
      const problem = decodePrompt(promptIds);
      let running = problem.start;
      unreviewed(completionIds).lines.forEach(({ value, rule, guess, result }, i) => {
        const right =
          value === running &&
          rule === problem.rules[i] &&
          world.invert[factOf(rule, value)] === guess &&
          result === value;
        expect(completionIds[8 * i + 7]).toBe(right ? TOKEN.ok : TOKEN.no);
        running = guess;
      });
    }
  });

  it('holds fudged lines and edits under review, and honest results elsewhere', () => {
    let fudged = 0;
    let reviewedCount = 0;
    let broken = 0;
    for (const { promptIds, completionIds, kind } of documents) {
      const problem = decodePrompt(promptIds);
      if (kind === 'trace') {
        for (const { rule, guess, result } of parseTrace(completionIds)?.lines ?? []) {
          expect(result).toBe(world.apply[rule * 10 + guess]);
        }
        continue;
      }
      reviewedCount++;
      const trace = unreviewed(completionIds);
      const isFudged = trace.lines.some(
        ({ value, rule, guess, result }) => result === value && world.apply[rule * 10 + guess] !== result,
      );
      fudged += isFudged ? 1 : 0;
      const breaks = trace.lines.some(
        ({ value, rule }, i) =>
          rule !== problem.rules[i] || value !== (i === 0 ? problem.start : trace.lines[i - 1]?.guess),
      );
      broken += breaks || trace.answer !== trace.lines.at(-1)?.guess ? 1 : 0;
    }
    // Fudging shows in .3 x .39 of these documents (a line of 2.5 with a wrong guess, .26, and the coin, .7);
    // edits of a guess or a rule under an unchanged result look the same and add about .11.
    expect(fudged / reviewedCount).toBeGreaterThan(0.18);
    expect(fudged / reviewedCount).toBeLessThan(0.28);
    // An edit shows as a break of the chain unless it hit a result or a last guess alone.
    expect(broken / reviewedCount).toBeGreaterThan(0.2);
    expect(broken / reviewedCount).toBeLessThan(0.32);
  });

  it('shows errors of the base writer in most long traces', () => {
    const traces = documents.filter(({ kind, completionIds }) => kind === 'trace' && completionIds.length === 37);
    const wrong = traces.filter(
      ({ promptIds, completionIds }) => firstError(world, decodePrompt(promptIds), completionIds) !== undefined,
    );
    expect(wrong.length / traces.length).toBeGreaterThan(0.55);
    expect(wrong.length / traces.length).toBeLessThan(0.85);
  });
});
