import { ToolError } from '@dawngrad/tensor';
import type { EvaluationSummary } from '../evaluate-rows.ts';
import type { Estimate } from '../stats/estimate.ts';
import type { SeedEstimate } from '../stats/seeds.ts';

/** What tells runs apart: model, domain, variant, method, seed and any others. */
export type RunLabels = Readonly<Record<string, string>>;

/** The order in which labels stand in tables; others follow by name. */
const LABEL_ORDER = ['domain', 'reward_domain', 'model', 'method', 'variant'];

/** An evaluated run under the labels that it has in tables and figures. */
export interface PlotRun {
  readonly labels: RunLabels;
  /** Where the rows are, for notes. */
  readonly source: string;
  readonly summary: EvaluationSummary;
}

/** Runs that differ in their seed alone. */
export interface SeedGroup {
  /** Without the seed. */
  readonly labels: RunLabels;
  /** At least one. */
  readonly runs: readonly PlotRun[];
  /** Null for a single run. */
  readonly passAt1: SeedEstimate | null;
}

/** pass@1 of a group: of one run over its prompts, of several over seeds and prompts. */
export function groupPassAt1({ runs, passAt1 }: SeedGroup): Pick<Estimate, 'value' | 'low' | 'high'> {
  const { value } = passAt1 ?? {};
  if (value !== undefined && passAt1?.hierarchical) return { value, ...passAt1.hierarchical };
  return runs[0]!.summary.passAtK.find(({ k }) => k === 1)!.plain;
}

export interface LabelColumns {
  /** Names of the labels that differ, the row heads of a table. */
  readonly names: readonly string[];
  /** What is the same for all, for the title: "gsm8k, qwen7b". */
  readonly common: string;
  readonly cellsOf: (labels: RunLabels) => string[];
}

/** The labels that tell these apart, of those not left out. Without any that differs: the first that there is. */
export function labelColumns(all: readonly RunLabels[], without: readonly string[] = []): LabelColumns {
  const present = labelNames(all).filter((name) => !without.includes(name));
  const valuesOf = (name: string): Set<string> => new Set(all.map((labels) => labels[name] ?? ''));
  const differing = present.filter((name) => valuesOf(name).size > 1);
  const names = differing.length > 0 ? differing : present.slice(-1);
  return {
    names,
    common: present
      .filter((name) => !names.includes(name))
      .map((name) => (LABEL_ORDER.includes(name) ? all[0]![name]! : `${name} ${all[0]![name]}`))
      .join(', '),
    cellsOf: (labels) => names.map((name) => labels[name] ?? ''),
  };
}

function labelNames(all: readonly RunLabels[]): string[] {
  const found = [...new Set(all.flatMap((labels) => Object.keys(labels)))].sort();
  const rest = found.filter((name) => !LABEL_ORDER.includes(name) && name !== 'seed');
  return [...LABEL_ORDER, ...rest, 'seed'].filter((name) => found.includes(name));
}

/** Runs in a few words: the labels that tell them apart, of one run all of them. */
export function runTitles(all: readonly RunLabels[], without: readonly string[] = []): string[] {
  const present = labelNames(all).filter((name) => !without.includes(name));
  const differing = present.filter((name) => new Set(all.map((labels) => labels[name] ?? '')).size > 1);
  const names = differing.length > 0 ? differing : present;
  return all.map((labels) =>
    names
      .filter((name) => (labels[name] ?? '') !== '')
      .map((name) => (name === 'seed' ? `seed ${labels[name]}` : labels[name]!))
      .join(' '),
  );
}

/** @throws ToolError 'config' where two runs have the same labels, which no table could tell apart */
export function checkDistinct(runs: readonly PlotRun[]): void {
  const seen = new Map<string, PlotRun>();
  for (const run of runs) {
    const key = JSON.stringify(Object.entries(run.labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const other = seen.get(key);
    if (other !== undefined) {
      throw new ToolError('config', {
        op: run.source,
        expected: 'labels that tell it from every other run',
        got: `those of ${other.source}: ${Object.entries(run.labels)
          .map(([name, value]) => `${name} ${value}`)
          .join(', ')}`,
        hint: 'give each run a model, domain, variant, method or seed of its own.',
      });
    }
    seen.set(key, run);
  }
}
