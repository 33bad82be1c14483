import { join } from 'node:path';
import {
  type MissingPart,
  type PolicyNumbers,
  type ReportCompletions,
  type ReportInput,
  type ReportRun,
  type ReportSection,
  type StageMetrics,
  summaryOf,
} from '@dawngrad/eval';
import { readJsonLines } from '../read-run/read-json-lines.ts';
import { configValue, type RunFolder, readRunFolder } from '../read-run/run-folder.ts';
import { checkerUse } from './checker-use.ts';
import { demoCompletions, demoModels, readDemoSummary } from './demo-folder.ts';
import { evaluatedSource } from './evaluated-policies.ts';
import { localisationSection } from './localisation-section.ts';
import { completionsOfSamples, findTokenizer, withinLimit } from './read-completions.ts';
import { type ReportSource, reportSources, rowFiles } from './report-folder.ts';
import { runDifference } from './run-difference.ts';

export interface CollectOptions {
  readonly title?: string;
  /** Completions that the page holds at most. */
  readonly completions: number;
}

/** What is gathered from one folder after the other. */
interface Gathered {
  readonly runs: ReportRun[];
  readonly folders: { readonly folder: RunFolder; readonly name: string }[];
  readonly policies: PolicyNumbers[];
  /** Numbers that a demo made itself. */
  demo: ReportInput['summary'] | null;
  readonly stages: StageMetrics[];
  readonly sections: ReportSection[];
  readonly completions: ReportCompletions[];
  readonly notes: string[];
  readonly data: Set<string>;
  title: string | null;
}

/** The report of some folders: a pure function of their files, which are only read. */
export async function collectReport(paths: readonly string[], options: CollectOptions): Promise<ReportInput> {
  const gathered: Gathered = {
    runs: [],
    folders: [],
    policies: [],
    demo: null,
    stages: [],
    sections: [],
    completions: [],
    notes: [],
    data: new Set(),
    title: null,
  };
  const sources = reportSources(paths);
  for (const source of sources) await gather(source, gathered);
  const { runs, folders, policies, demo, stages, sections, completions, notes, data } = gathered;
  if (data.size > 1)
    notes.push(`The evaluations are of different data (${[...data].join(', ')}): their numbers do not compare.`);
  const trained = folders.filter(({ folder }) => folder.kind !== 'evaluate');
  const tasks = new Set(trained.flatMap(({ folder }) => configValue(folder.config, 'data.path') ?? []));
  if (tasks.size > 1) {
    notes.push(
      `The runs learned from different data (${[...tasks].join(', ')}): their curves and metrics do not compare.`,
    );
  }
  const pair = trained.length === 2 ? trained : folders.length === 2 ? folders : null;
  const perSet = Math.max(1, Math.floor(options.completions / Math.max(1, completions.length)));
  const summary = policies.length > 0 || demo === null ? summaryOf(policies) : demo;
  return {
    title: options.title ?? gathered.title ?? `dawngrad: ${sources.map(({ name }) => name).join(', ')}`,
    runs,
    summary: demo === null || policies.length === 0 ? summary : merged(demo, summary),
    stages,
    sections,
    difference:
      pair === null ? null : runDifference([pair[0]!.folder, pair[1]!.folder], [pair[0]!.name, pair[1]!.name]),
    completions: completions.map((set) => withinLimit(set, shareOf(set, completions, options.completions, perSet))),
    missing: missingParts(sources, summary, pair !== null),
    notes,
  };
}

/** Small sets leave their room to large ones. */
function shareOf(set: ReportCompletions, all: readonly ReportCompletions[], most: number, perSet: number): number {
  const small = all.filter(({ completions }) => completions.length <= perSet);
  const left = most - small.reduce((sum, { completions }) => sum + completions.length, 0);
  return set.completions.length <= perSet ? perSet : Math.floor(left / Math.max(1, all.length - small.length));
}

function merged(demo: ReportInput['summary'], other: ReportInput['summary']): ReportInput['summary'] {
  return { ...demo, results: [...demo.results, ...other.results], rerank: [...demo.rerank, ...other.rerank] };
}

async function gather(source: ReportSource, gathered: Gathered): Promise<void> {
  if (source.kind === 'localisation') {
    gathered.sections.push(localisationSection(source.path, source.name));
    gathered.runs.push(plainRun(source.name, 'localise'));
    return;
  }
  if (source.kind === 'rows') {
    gathered.runs.push(plainRun(source.name, 'rows'));
    await gatherRows(source, gathered, []);
    return;
  }
  const folder = readRunFolder(source.path);
  const demo = folder.kind === 'demo' ? readDemoSummary(source.path) : null;
  const run = gathered.runs.length;
  gathered.folders.push({ folder, name: source.name });
  gathered.runs.push({
    name: source.name,
    kind: folder.kind,
    state: folder.state,
    facts: demo === null ? factsOf(folder) : demo.facts,
    checkerUse: checkerUse(folder.kind, folder.config),
    config: JSON.stringify(folder.config, null, 2),
    environment: folder.starts.length === 0 ? null : JSON.stringify(folder.starts, null, 2),
  });
  const metrics = readJsonLines(join(source.path, 'metrics.jsonl'));
  if (metrics.isCut)
    gathered.notes.push(`${source.name}: the last line of metrics.jsonl is not whole and is left out.`);
  gathered.stages.push(...stagesOf(folder, run));
  if (demo !== null) {
    gathered.title ??= demo.title;
    gathered.demo ??= demo.summary;
    gathered.notes.push(...demo.notes);
    gathered.completions.push(...(await demoCompletions(source.path, demo.summary)));
  }
  const model = configValue(folder.config, 'policy.model');
  const places = [typeof model === 'string' ? model : null];
  await gatherSamples(
    source,
    gathered,
    folder.kind === 'demo' ? await demoModels(source.path) : [source.path, ...places],
  );
  await gatherRows(source, gathered, places);
}

async function gatherRows(source: ReportSource, gathered: Gathered, models: readonly (string | null)[]): Promise<void> {
  const files = rowFiles(source);
  if (files.length === 0) return;
  const found = await evaluatedSource(source, files, models);
  gathered.policies.push(...found.policies);
  gathered.completions.push(...found.completions);
  gathered.notes.push(...found.notes);
  if (found.data !== null) gathered.data.add(found.data);
}

async function gatherSamples(
  source: ReportSource,
  gathered: Gathered,
  models: readonly (string | null)[],
): Promise<void> {
  const { rows, isCut } = readJsonLines(join(source.path, 'samples.jsonl'));
  if (isCut) gathered.notes.push(`${source.name}: the last line of samples.jsonl is not whole and is left out.`);
  if (rows.length === 0) return;
  const found = await findTokenizer(models);
  const stages = [...new Set(rows.map(({ stage }) => (typeof stage === 'string' ? stage : null)))];
  for (const stage of stages) {
    const own = rows.filter((row) => (typeof row.stage === 'string' ? row.stage : null) === stage);
    const name = stage === null ? `${source.name}, training` : `${source.name}, training of ${stage}`;
    gathered.completions.push(completionsOfSamples(name, own, found));
  }
}

function stagesOf(folder: RunFolder, run: number): StageMetrics[] {
  const stageOf = (row: Readonly<Record<string, unknown>>): string =>
    typeof row.stage === 'string' ? row.stage : folder.kind;
  const names = [...new Set(folder.metrics.map(stageOf))];
  return names.map((name) => ({ name, run, metrics: folder.metrics.filter((row) => stageOf(row) === name) }));
}

function plainRun(name: string, kind: string): ReportRun {
  return { name, kind, state: 'a file of results', facts: [], checkerUse: null, config: null, environment: null };
}

function factsOf({ config, starts, metrics }: RunFolder): [string, string][] {
  const text = (key: string): string | null => {
    const value = configValue(config, key);
    return value === undefined || value === null ? null : String(value);
  };
  const last = starts.at(-1);
  const command = last === undefined || last.argv.length === 0 ? null : `dawngrad ${last.argv.join(' ')}`;
  const commit = last?.commit ?? null;
  const facts: (readonly [string, string | null])[] = [
    ['command', command],
    ['model', text('policy.model')],
    ['critic', text('critic.model')],
    ['data', text('data.path')],
    ['seed', text('run.seed')],
    ['granularity', text('reward.granularity')],
    ['credit', text('credit.level')],
    ['steps', stepsText(metrics, text('train.max_steps'))],
    ['starts', starts.length > 1 ? String(starts.length) : null],
    ['adapter', last?.adapter.description ?? null],
    ['driver', last?.driver?.name ?? null],
    ['commit', commit === null ? null : `${commit.sha.slice(0, 12)}${commit.isDirty ? ' with local changes' : ''}`],
  ];
  return facts.flatMap(([name, value]) => (value === null ? [] : [[name, value] as [string, string]]));
}

function stepsText(metrics: RunFolder['metrics'], planned: string | null): string | null {
  const step = metrics.at(-1)?.step;
  if (typeof step !== 'number') return null;
  return planned === null ? String(step) : `${step} of ${planned}`;
}

function missingParts(
  sources: readonly ReportSource[],
  { results, rerank }: ReportInput['summary'],
  hasPair: boolean,
): ReportInput['missing'] {
  const missing: Partial<Record<MissingPart, string>> = {};
  if (results.length === 0) missing.results = 'no folder given holds evaluated rows (dawngrad evaluate writes them)';
  if (rerank.length === 0) missing.rerank = results.length === 0 ? missing.results! : 'there is one sample a prompt';
  if (!rerank.some(({ calibration }) => calibration !== null)) {
    missing.calibration =
      'no rows with scores of a critic were given (dawngrad evaluate with critic.model writes them)';
  }
  missing.curves = 'no folder given has metrics.jsonl with two steps or more';
  missing.localisation = 'no folder of a localisation was given (dawngrad localise writes one)';
  missing.completions = 'no folder given holds samples.jsonl or evaluated rows';
  if (!hasPair) missing.difference = `the report is of ${sources.length === 1 ? 'one run' : 'no two runs'}; give two`;
  return missing;
}
