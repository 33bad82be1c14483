import type { ReportDifference, Table } from '@dawngrad/eval';
import { compareRuns, type Difference } from '../diff/compare-runs.ts';
import type { RunFolder } from '../read-run/run-folder.ts';

/** In what two runs differ, in tables. */
export function runDifference(
  [one, other]: readonly [RunFolder, RunFolder],
  names: readonly [string, string],
): ReportDifference {
  const { config, environment, metrics, step, stage, partAt } = compareRuns(one, other);
  const tables = (
    [
      ['configuration', config],
      ['environment and inputs', environment],
      [`metrics at ${stage === null ? '' : `${stage}, `}step ${step}`, metrics],
    ] as const
  )
    .filter(([, differences]) => differences.length > 0)
    .map(([caption, differences]) => ({ caption, table: differenceTable(differences, names) }));
  return {
    runs: names,
    paragraphs: [
      ...(one.kind === other.kind
        ? []
        : [`${names[0]} is a run of ${one.kind}, ${names[1]} one of ${other.kind}: only what both have is compared.`]),
      ...(config.length === 0 ? ['The configurations are the same.'] : []),
      ...(environment.length === 0 ? ['The environments and inputs are the same.'] : []),
      step === null
        ? 'Metrics: n/a, there is no step that both have.'
        : `Step ${step} is the last that both have. ${partAt === null ? 'No metric differs at any step but those of time and memory.' : `They part at step ${partAt}.`}`,
    ],
    tables,
  };
}

function differenceTable(differences: readonly Difference[], names: readonly [string, string]): Table {
  return {
    columns: [
      { header: 'key', align: 'left' },
      { header: names[0], align: 'right' },
      { header: names[1], align: 'right' },
      { header: 'change', align: 'right' },
    ],
    rows: differences.map(({ key, values: [a, b] }) => [key, valueText(a), valueText(b), changeText(a, b)]),
  };
}

function valueText(value: unknown): string {
  if (value === undefined) return 'none';
  if (typeof value === 'number') return String(Number(value.toPrecision(6)));
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function changeText(a: unknown, b: unknown): string {
  if (typeof a !== 'number' || typeof b !== 'number') return '';
  const change = Number((b - a).toPrecision(3));
  return change > 0 ? `+${change}` : String(change);
}
