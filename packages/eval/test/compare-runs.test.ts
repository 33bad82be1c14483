import { describe, expect, it } from 'vitest';
import { compareRuns, passAt1OverSeeds } from '../src/compare-runs.ts';
import type { EvalRow } from '../src/row.ts';
import { promptRows } from './rows.ts';

/** 30 prompts; in every third one `better` more samples of four are right. */
function run(better: number): EvalRow[] {
  return Array.from({ length: 30 }, (_, p) => {
    const right = (p % 3) + (p % 3 === 0 ? better : 0);
    return promptRows(
      `p${p}`,
      Array.from({ length: 4 }, (__, i) => ({ correct: i < right })),
    );
  }).flat();
}

describe('runs side by side', () => {
  it('have paired differences to the first, with tests', () => {
    const [first, second] = compareRuns([
      { name: 'sft', rows: run(0) },
      { name: 'irl', rows: run(2) },
    ]);
    expect(first!.overFirst).toBeNull();
    expect(second!.overFirst!.difference.value).toBeCloseTo(10 / 30 / 2, 12);
    expect(second!.overFirst!.difference.low).toBeGreaterThan(0);
    expect(second!.overFirst!.test).toMatchObject({ wins: 10, losses: 0, ties: 20, signP: 2 / 1024 });
  });

  it('are refused for other prompts, which are named', () => {
    const runs = [
      { name: 'a', rows: run(0) },
      { name: 'b', rows: run(0).slice(4) },
    ];
    expect(() => compareRuns(runs)).toThrow('b beside a: expected rows of the same prompts, got 1 (p0) missing');
  });

  it('of several seeds have one mean', () => {
    const got = passAt1OverSeeds([0, 1, 2].map((better) => ({ name: `seed ${better}`, rows: run(better) })));
    expect(got).toMatchObject({ seeds: 3, prompts: 30 });
    expect(got.value).toBeCloseTo(got.bySeed[1]!, 12);
    expect(got.overSeeds!.low).toBeLessThan(got.bySeed[0]!);
  });
});
