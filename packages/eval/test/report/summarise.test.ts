import { describe, expect, it } from 'vitest';
import { summarise } from '../../src/report/summarise.ts';
import { bestOfTable, resultTable } from '../../src/report/summary-tables.ts';
import { renderTextTable } from '../../src/report/table.ts';
import { promptRows } from '../rows.ts';

const right = { correct: true, score: 1, logprob: null };
const wrong = { correct: false, score: -1, logprob: null };
const base = [...promptRows('a', [right, wrong]), ...promptRows('b', [wrong, wrong])];
const tuned = [...promptRows('a', [right, right]), ...promptRows('b', [right, wrong])];

describe('the numbers of a report', () => {
  const summary = summarise(
    [
      { name: 'base', rows: base },
      { name: 'SFT', rows: tuned, critic: 'critic' },
    ],
    { ks: [2] },
  );

  it('hold pass@1 and the paired difference to the first policy', () => {
    expect(summary.results.map((row) => row.passAt1.value)).toEqual([0.25, 0.75]);
    expect(summary.results[0]!.overFirst).toBeNull();
    expect(summary.results[1]!.overFirst!.value).toBe(0.5);
    expect(summary.results[1]!.passAtK.map(({ k }) => k)).toEqual([1, 2]);
  });

  it('hold a reranking for each policy with a critic', () => {
    expect(summary.rerank.map((one) => one.policy)).toEqual(['SFT']);
    expect(summary.rerank[0]!.rewards.correct).toEqual([1, 1, 1]);
  });

  it('give no difference between policies on other prompts', () => {
    const other = summarise([
      { name: 'base', rows: base },
      { name: 'SFT', rows: promptRows('z', [right]) },
    ]);
    expect(other.results[1]!.overFirst).toBeNull();
  });

  it('are the tables: n/a stands where log-probabilities are missing (D24)', () => {
    const best = renderTextTable(bestOfTable(summary.rerank[0]!.bestOfN));
    expect(best.split('\n').find((line) => line.startsWith('log-probability'))).toMatch(/^log-probability( +n\/a){2}$/);
    expect(best.split('\n').find((line) => line.startsWith('learned reward'))).toContain('100.0 [34.2, 100.0]');
    const results = renderTextTable(resultTable(summary.results));
    expect(results).toContain('pass@1 - base');
    expect(results).toMatch(/SFT +75\.0 \[50\.0, 100\.0\]/);
    expect(results).toContain('2 x 2');
  });

  it('are one JSON', () => {
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
  });
});
