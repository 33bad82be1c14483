import type { ControlledSummary } from '../localise/controlled-summary.ts';
import type { JudgedRow } from '../localise/judge.ts';
import type { SpanSummary } from '../localise/span-summary.ts';
import type { StepSummary } from '../localise/step-summary.ts';
import type { UnitSummary } from '../localise/unit-summary.ts';
import type { Estimate } from '../stats/estimate.ts';
import { countCell, shareCell } from './cells.ts';
import type { PaperCell, PaperTable } from './paper-table.ts';
import { labelColumns, type RunLabels } from './plot-run.ts';
import { left, right, type TableInput, titleOf } from './table-input.ts';

export type LocalisationSummary = ControlledSummary | SpanSummary | StepSummary | UnitSummary;

/** The numbers of a localisation folder, under the labels that it has in tables. */
export interface LocalisationRun {
  readonly labels: RunLabels;
  readonly source: string;
  readonly summary: LocalisationSummary;
}

interface LocalisedRow {
  readonly labels: RunLabels;
  readonly localiser: string;
  readonly grid: string;
  readonly n: number;
  /** By tolerance. */
  readonly hits: ReadonlyMap<string, Estimate | null>;
  /** Of the least tolerance: 0 at chance, 1 at perfect. */
  readonly aboveChance: Estimate | null;
  readonly map: Estimate | null;
}

/** Who names the first wrong place how often, chance and the policy's own signals on the same grid beside it (D27). */
export function localisationTable({ localisations }: TableInput): PaperTable {
  const labels = labelColumns(localisations.map((run) => run.labels));
  const rows = localisations.flatMap(localisedRows);
  const tolerances = [...new Set(rows.flatMap(({ hits }) => [...hits.keys()]))];
  const hasMap = rows.some(({ map }) => map !== null);
  return {
    name: 'localisation',
    title: titleOf('Localisation of the first error', labels.common),
    columns: [
      ...labels.names.map(left),
      left('localiser'),
      left('grid'),
      right('n'),
      ...tolerances.map((tolerance) => right(`Hit@1, ${tolerance} %`)),
      right('above chance %'),
      ...(hasMap ? [right('MAP %')] : []),
    ],
    rows: rows.map((row): PaperCell[] => [
      ...labels.cellsOf(row.labels),
      row.localiser,
      row.grid,
      countCell(row.n),
      ...tolerances.map((tolerance) => (row.hits.has(tolerance) ? shareCell(row.hits.get(tolerance)) : '–')),
      shareCell(row.aboveChance),
      ...(hasMap ? [shareCell(row.map)] : []),
    ]),
    intervals: 'half-width',
    decimals: 1,
    notes: localisationNotes(localisations),
  };
}

function localisedRows({ labels, summary }: LocalisationRun): LocalisedRow[] {
  switch (summary.kind) {
    case 'controlled':
      return summary.headline.rows.map(({ localiser, unit, interval, n, windows }) => ({
        labels,
        localiser,
        grid: gridName(unit, interval),
        n,
        hits: new Map(windows.map(({ window, hit }) => [`±${window} tokens`, hit])),
        aboveChance: windows[0]?.above_chance ?? null,
        map: null,
      }));
    case 'spans':
      return summary.grids.flatMap(({ unit, interval, rows }) =>
        rows.map((row) => judgedRow(labels, row, gridName(unit, interval), (window) => `±${window} tokens`)),
      );
    case 'steps':
      return summary.rows.map((row) => judgedRow(labels, row, 'step', (reach) => `±${reach} steps`));
    case 'annotations':
      return summary.rows.map((row) => judgedRow(labels, row, 'visible unit', (reach) => `±${reach} units`));
  }
}

function judgedRow(
  labels: RunLabels,
  { localiser, n, hit, map }: JudgedRow,
  grid: string,
  toleranceOf: (reach: string) => string,
): LocalisedRow {
  const tolerances = Object.entries(hit);
  return {
    labels,
    localiser,
    grid,
    n,
    hits: new Map(tolerances.map(([reach, measure]) => [toleranceOf(reach), measure.value])),
    aboveChance: tolerances[0]?.[1].above_chance ?? null,
    map: map?.value ?? null,
  };
}

function gridName(unit: 'token' | 'bucket', interval: number): string {
  return unit === 'token' ? 'token' : `${interval} tokens`;
}

function localisationNotes(localisations: readonly LocalisationRun[]): string[] {
  const bootstraps = new Set(
    localisations.map(({ summary }) => {
      const { resamples, seed, clusters } =
        summary.kind === 'controlled' ? summary.intervals.bootstrap : summary.bootstrap;
      return `${resamples} resamples of ${clusters}, seed ${seed}`;
    }),
  );
  const agreement = localisations.flatMap(({ summary }) =>
    summary.kind === 'annotations' ? [`Labels: ${summary.agreement}.`] : [],
  );
  return [
    `n: traces judged. Intervals: 95 %, percentile bootstrap (${[...bootstraps].sort().join('; ')}).`,
    'Above chance: (hit - chance) / (1 - chance) of each trace, on its own grid, at the least tolerance.',
    ...new Set(agreement),
  ];
}
