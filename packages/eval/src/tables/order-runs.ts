import { type NamedRows, passAt1OverSeeds } from '../compare-runs.ts';
import type { EvalRow } from '../row.ts';
import type { SeedEstimate } from '../stats/seeds.ts';
import type { PlotRun, RunLabels, SeedGroup } from './plot-run.ts';

/** Values of a label in the order in which they stand; others follow, numbers by size. */
export type LabelOrder = Readonly<Record<string, readonly string[]>>;

/** As the published tables have them. */
const USUAL: LabelOrder = {
  method: ['base', 'grpo', 'sft', 'gad', 'opsd', 'airl'],
  variant: ['sparse', 'step', 'interval', 'dense'],
};
const FIRST = ['domain', 'reward_domain', 'model', 'method', 'variant'];

/** By their labels, whatever the order given. */
export function inLabelOrder<Run extends { readonly labels: RunLabels; readonly source: string }>(
  runs: readonly Run[],
  order: LabelOrder = {},
): Run[] {
  const names = [...new Set(runs.flatMap(({ labels }) => Object.keys(labels)))].sort();
  const keys = [...FIRST, ...names.filter((name) => !FIRST.includes(name) && name !== 'seed'), 'seed'];
  const compare = (name: string, a: string, b: string): number => {
    const listed = order[name] ?? USUAL[name] ?? [];
    const [i, j] = [a, b].map((value) => (listed.includes(value) ? listed.indexOf(value) : listed.length));
    return i! - j! || naturally(a, b);
  };
  return [...runs].sort((a, b) => {
    for (const name of keys) {
      const difference = compare(name, a.labels[name] ?? '', b.labels[name] ?? '');
      if (difference !== 0) return difference;
    }
    return naturally(a.source, b.source);
  });
}

/** "g4" before "g16", the same on every machine. */
function naturally(a: string, b: string): number {
  const parts = (text: string): string[] => text.match(/\d+|\D+/g) ?? [];
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i]!, right[i]!];
    if (x === y) continue;
    const difference = Number(x) - Number(y);
    if (Number.isFinite(difference) && difference !== 0) return difference;
    return x < y ? -1 : 1;
  }
  return left.length - right.length;
}

/** Runs that differ in their seed alone, together; `rowsOf` is asked for the runs of groups of several. */
export async function seedGroups(
  runs: readonly PlotRun[],
  rowsOf: (run: PlotRun) => Promise<readonly EvalRow[]>,
): Promise<SeedGroup[]> {
  const groups = new Map<string, { labels: RunLabels; runs: PlotRun[] }>();
  for (const run of runs) {
    const { seed: _, ...labels } = run.labels;
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels, runs: [run] });
    else group.runs.push(run);
  }
  const done: SeedGroup[] = [];
  // One after another: the rows of all runs together may not fit into memory.
  for (const group of groups.values()) done.push({ ...group, passAt1: await overSeeds(group.runs, rowsOf) });
  return done;
}

async function overSeeds(
  runs: readonly PlotRun[],
  rowsOf: (run: PlotRun) => Promise<readonly EvalRow[]>,
): Promise<SeedEstimate | null> {
  if (runs.length === 1) return null;
  const named: NamedRows[] = [];
  for (const run of runs) named.push({ name: run.source, rows: (await rowsOf(run)).map(verdictOf) });
  return passAt1OverSeeds(named, runs[0]!.summary.bootstrap);
}

/** A row without its text and scores, which take nearly all of its memory. */
function verdictOf(row: EvalRow): EvalRow {
  return {
    ...row,
    ...{ prompt: [], generation: { content: '' }, completion_ids: null, marks: null, forced: null },
    ...{ reward_model_score: null, policy_log_probs: null },
  };
}
