import type { CommandContext } from '../commands/command-context.ts';
import { readRunFolder } from '../read-run/run-folder.ts';
import { fitTable } from '../ui/fit-table.ts';
import { terminalWidth } from '../ui/terminal-width.ts';
import { compareRuns, type Difference, type RunComparison } from './compare-runs.ts';

/** Prints in what two runs differ. */
export function runDiff(
  [one, other]: readonly [string, string],
  { json }: { readonly json?: boolean },
  { out }: CommandContext,
): void {
  const comparison = compareRuns(readRunFolder(one), readRunFolder(other));
  if (json === true) out(`${JSON.stringify(comparison, null, 2)}\n`);
  else out(comparisonText(comparison, terminalWidth()));
}

function comparisonText(comparison: RunComparison, width: number): string {
  const { runs, config, environment, metrics, step, stage, partAt } = comparison;
  const at = `${stage === null ? '' : `${stage}, `}step ${step}`;
  return [
    section('configuration', 'the same', config, runs, width),
    section('environment and inputs', 'the same', environment, runs, width),
    step === null
      ? 'metrics: no step that both have\n'
      : section(`metrics at ${at}, the last that both have`, 'the same', metrics, runs, width),
    ...(step === null
      ? []
      : [
          partAt === null
            ? 'no metric differs at any step but those of time and memory\n'
            : `they part at step ${partAt}\n`,
        ]),
  ].join('\n');
}

function section(
  title: string,
  none: string,
  differences: readonly Difference[],
  runs: readonly [string, string],
  width: number,
): string {
  if (differences.length === 0) return `${title}: ${none}\n`;
  const isNumeric = differences.every(({ values }) => values.every((value) => typeof value === 'number'));
  const table = {
    columns: [
      { header: title, align: 'left' as const },
      { header: runs[0], align: 'left' as const },
      { header: runs[1], align: 'left' as const },
      ...(isNumeric ? [{ header: 'change', align: 'right' as const }] : []),
    ],
    rows: differences.map(({ key, values: [a, b] }) => [
      key,
      valueText(a),
      valueText(b),
      ...(isNumeric ? [changeText(a as number, b as number)] : []),
    ]),
  };
  return `${fitTable(table, width)}\n`;
}

function valueText(value: unknown): string {
  if (value === undefined) return 'none';
  if (typeof value === 'number') return String(Number(value.toPrecision(6)));
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function changeText(a: number, b: number): string {
  const change = Number((b - a).toPrecision(3));
  return change > 0 ? `+${change}` : String(change);
}
