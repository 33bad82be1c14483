import { describe, expect, it } from 'vitest';
import { passAt1OverSeeds } from '../../src/compare-runs.ts';
import { evaluateRows } from '../../src/evaluate-rows.ts';
import type { NumberCell, PaperCell, PaperTable } from '../../src/tables/paper-table.ts';
import { checkDistinct } from '../../src/tables/plot-run.ts';
import { TABLE_KINDS } from '../../src/tables/table-kinds.ts';
import { promptRows } from '../rows.ts';
import { type LabelledRows, rowsOf, tableInput } from './plot-runs.ts';

const RUNS: readonly LabelledRows[] = [
  { labels: { domain: 'gsm8k', model: 'q7b', method: 'airl', variant: 'dense', seed: '1' }, rows: rowsOf(12, 1) },
  { labels: { domain: 'gsm8k', model: 'q7b', method: 'airl', variant: 'dense', seed: '2' }, rows: rowsOf(12, 3) },
  { labels: { domain: 'gsm8k', model: 'q7b', method: 'sft', seed: '1' }, rows: rowsOf(12, 2, false) },
];

function numbers(row: readonly PaperCell[]): NumberCell[] {
  return row.filter((cell) => typeof cell === 'object');
}

function summaryOf(i: number) {
  return evaluateRows(RUNS[i]!.rows, { resamples: 100 });
}

describe('tables of runs', () => {
  it('main: seeds are put together as the metric over seeds has it', async () => {
    const table = TABLE_KINDS.main.build(await tableInput(RUNS));
    const seeds = passAt1OverSeeds(
      [RUNS[0]!, RUNS[1]!].map(({ rows }, i) => ({ name: String(i), rows })),
      { resamples: 100, seed: 42 },
    );
    expect(table.columns.map(({ header }) => header)).toEqual(['method', 'variant', 'gsm8k q7b']);
    expect(table.rows.map((row) => row.slice(0, 2))).toEqual([
      ['sft', ''],
      ['airl', 'dense'],
    ]);
    expect(table.rows[1]![2]).toMatchObject({ value: seeds.value, ...seeds.hierarchical });
    expect(table.rows[0]![2]).toMatchObject({ value: summaryOf(2).passAtK[0]!.plain.value });
    expect(table.notes.join(' ')).toContain('bootstrap of seeds');
  });

  it('main: a policy below 20 % is marked and explained', async () => {
    const rows = Array.from({ length: 10 }, (_, p) => promptRows(`p${p}`, [{ correct: p === 0 }, { correct: false }]));
    const table = TABLE_KINDS.main.build(await tableInput([{ labels: { model: 'm' }, rows: rows.flat() }]));
    expect(numbers(table.rows[0]!)[0]).toMatchObject({ value: 0.05, isMarked: true });
    expect(table.notes.at(-1)).toContain('collapsed');
  });

  it('pass-at-k, reranking and calibration: the numbers of the metrics, n/a without scores', async () => {
    const input = await tableInput(RUNS);
    const [sft, airl] = [summaryOf(2), summaryOf(0)];
    const pass = TABLE_KINDS['pass-at-k'].build(input);
    expect(numbers(pass.rows[0]!).map(({ value }) => value)).toEqual(sft.passAtK.map(({ plain }) => plain.value));
    const reranking = TABLE_KINDS.reranking.build(input);
    expect(numbers(reranking.rows[1]!).map(({ value, low, high }) => ({ value, low, high }))).toEqual(
      airl.bestOfN.rows.map(({ estimates }) => {
        const { value, low, high } = estimates!.at(-1)!;
        return { value, low, high };
      }),
    );
    const reward = reranking.columns.findIndex(({ header }) => header === 'Reward %');
    expect(reranking.rows[0]![reward]).toMatchObject({ value: null });
    expect(reranking.notes.at(-1)).toContain('have no critic scores');
    const calibration = TABLE_KINDS.calibration.build(input);
    expect(numbers(calibration.rows[1]!)[1]!.value).toBe(airl.calibration!.raw.ece!.value);
    expect(numbers(calibration.rows[0]!).every(({ value }) => value === null)).toBe(true);
  });

  it('best-of-n and ablation: the paired gain', async () => {
    const input = await tableInput(RUNS.slice(0, 2), { by: 'seed' });
    const gain = summaryOf(0).rewardGain!.overRandom;
    for (const kind of ['best-of-n', 'ablation'] as const) {
      const cell = numbers(TABLE_KINDS[kind].build(input).rows[0]!).find(({ unit }) => unit === 'points');
      expect(cell).toMatchObject({ value: gain.value, low: gain.low, high: gain.high });
    }
  });

  it('transfer: a cell for each pair of domains, a dash where there is no run', async () => {
    const pairs = [
      ['a', 'a'],
      ['a', 'b'],
      ['b', 'b'],
    ] as const;
    const input = await tableInput(
      pairs.map(([domain, reward_domain], i) => ({ labels: { domain, reward_domain }, rows: rowsOf(8, i + 1) })),
    );
    const { columns, rows } = TABLE_KINDS.transfer.build(input);
    expect(columns.map(({ header }) => header)).toEqual(['policy', 'pass@1 %', 'a reward', 'b reward']);
    expect(rows.map((row) => row.map((cell) => (typeof cell === 'string' ? cell : cell.unit)))).toEqual([
      ['a', 'percent', 'points', 'points'],
      ['b', 'percent', '–', 'points'],
    ]);
    const unlabelled = { ...input, runs: [{ ...input.runs[0]!, labels: { domain: 'a' } }] };
    expect(() => TABLE_KINDS.transfer.build(unlabelled)).toThrow('reward_domain');
  });

  it('do not depend on the order of runs or of rows', async () => {
    const reversed = [...RUNS].reverse().map(({ labels, rows }) => ({ labels, rows: [...rows].reverse() }));
    const [first, second] = await Promise.all([tableInput(RUNS), tableInput(reversed)]);
    for (const kind of ['main', 'pass-at-k', 'reranking', 'reranking-baselines', 'selector-variants'] as const) {
      const build: (input: typeof first) => PaperTable = TABLE_KINDS[kind].build;
      expect(build(second)).toEqual(build(first));
    }
  });

  it('refuse an N that is not there, and runs that no label tells apart', async () => {
    const input = await tableInput(RUNS, { n: 7 });
    expect(() => TABLE_KINDS.reranking.build(input)).toThrow('expected an N that all of its runs have: 1, 2, 3, got 7');
    expect(() => checkDistinct([input.runs[0]!, input.runs[0]!])).toThrow('labels that tell it from every other run');
  });
});
