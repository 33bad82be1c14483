import type { TextCodec } from '@dawngrad/airl';
import {
  type EvalRow,
  FIGURE_KINDS,
  type FigureInput,
  type PaperTable,
  type PlotRun,
  type RunLabels,
  seedGroups,
  TABLE_KINDS,
  writeCsv,
  writeLatex,
  writeMarkdown,
} from '@dawngrad/eval';
import { figureSvg, svgPng } from '@dawngrad/eval/node';
import { ToolError } from '@dawngrad/tensor';
import { openCodecModel } from '../data/open-codec-model.ts';
import { modelCodec } from '../run/model-codec.ts';
import type { CollectedRuns } from './collect-runs.ts';
import type { NamedItem } from './named-items.ts';
import { type FIGURE_FORMATS, TABLE_FORMATS } from './plot-spec.ts';
import { readPairs } from './read-pairs.ts';
import { readTraining } from './read-training.ts';

/** A file of a table or figure, by its name below the folder of the whole. */
export interface MadeFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

/** The files of one item: those of each combination of labels where it is split. */
export async function makeItem(item: NamedItem, runs: CollectedRuns): Promise<MadeFile[]> {
  const isTable = item.table !== undefined;
  const files: MadeFile[] = [];
  for (const { labels, runs: some } of split(item, where(item, runs))) {
    const name = [item.name, ...Object.values(labels).map(fileName)].join('-');
    const made = isTable ? await tableFiles(item, name, some) : await figureFiles(item, name, some);
    files.push(...made);
  }
  return files;
}

async function tableFiles(item: NamedItem, name: string, runs: CollectedRuns): Promise<MadeFile[]> {
  const kind = TABLE_KINDS[item.table!];
  const from = kind.from === 'seeds' ? 'evaluations' : kind.from;
  needs(item, runs[from], from);
  const groups = kind.from === 'seeds' ? await seedGroups(runs.evaluations, runs.rowsOf) : [];
  const built = kind.build({
    runs: runs.evaluations,
    localisations: runs.localisations,
    groups,
    ...(item.n === undefined ? {} : { n: item.n }),
    ...(item.by === undefined ? {} : { by: item.by }),
  });
  const table: PaperTable = {
    ...built,
    name,
    notes: [...built.notes, ...runs.remarks],
    ...(item.title === undefined ? {} : { title: item.title }),
  };
  const written: Record<(typeof TABLE_FORMATS)[number], () => [string, string]> = {
    latex: () => ['tex', writeLatex(table)],
    markdown: () => ['md', writeMarkdown(table)],
    csv: () => ['csv', writeCsv(table)],
    json: () => ['json', `${JSON.stringify(table, null, 2)}\n`],
  };
  return TABLE_FORMATS.filter((format) => item.formats?.includes(format) ?? true).map((format) => {
    const [extension, content] = written[format]();
    return { name: `tables/${name}.${extension}`, content };
  });
}

async function figureFiles(item: NamedItem, name: string, runs: CollectedRuns): Promise<MadeFile[]> {
  const built = FIGURE_KINDS[item.figure!].build(await figureInput(item, runs));
  const [subject = '', ...notes] = built.caption;
  const caption = [item.title ?? subject, ...notes, ...runs.remarks];
  const svg = await figureSvg({ ...built, name, caption });
  const isAsked = (format: (typeof FIGURE_FORMATS)[number]): boolean => item.formats?.includes(format) ?? true;
  return [
    ...(isAsked('svg') ? [{ name: `figures/${name}.svg`, content: svg }] : []),
    ...(isAsked('png') ? [{ name: `figures/${name}.png`, content: await svgPng(svg) }] : []),
  ];
}

async function figureInput(item: NamedItem, runs: CollectedRuns): Promise<FigureInput> {
  const { from } = FIGURE_KINDS[item.figure!];
  const needed = {
    evaluations: runs.evaluations,
    rows: runs.evaluations,
    trainings: runs.trainings,
    pairs: runs.pairs,
  };
  needs(item, needed[from], from === 'rows' ? 'evaluations' : from);
  const rows = new Map<string, readonly EvalRow[]>();
  const codecs = new Map<string, TextCodec>();
  if (from === 'rows') {
    for (const run of runs.evaluations) {
      rows.set(run.source, await runs.rowsOf(run));
      if (run.tokenizer !== undefined) codecs.set(run.source, modelCodec(await openCodecModel(run.tokenizer)));
    }
  }
  return {
    runs: runs.evaluations,
    trainings: from === 'trainings' ? runs.trainings.map(readTraining) : [],
    pairs: from === 'pairs' ? runs.pairs.map(readPairs) : [],
    rowsOf: (run) => rows.get(run.source)!,
    piecesOf: ({ source }, { completion_ids: ids }) =>
      ids === null ? null : (codecs.get(source)?.pieces(ids) ?? null),
    trace: {
      ...(item.prompt_index === undefined ? {} : { promptIndex: item.prompt_index }),
      ...(item.severity === undefined ? {} : { severity: item.severity }),
      ...(item.variant_index === undefined ? {} : { variantIndex: item.variant_index }),
      ...(item.transform === undefined ? {} : { transform: item.transform }),
    },
    ...(item.prompts === undefined ? {} : { prompts: item.prompts }),
    ...(item.metrics === undefined ? {} : { metrics: item.metrics }),
  };
}

function needs(item: NamedItem, runs: readonly unknown[], what: string): void {
  if (runs.length > 0) return;
  throw new ToolError('config', {
    op: item.name,
    expected: `at least one of the ${what} of the specification`,
    got: item.where === undefined ? 'none that is there' : `none with ${whereText(item.where)}`,
  });
}

function whereText(where: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(where)
    .map(([name, values]) => `${name} ${values.join(' or ')}`)
    .join(', ');
}

function where({ where: wanted }: NamedItem, runs: CollectedRuns): CollectedRuns {
  return filtered(runs, (labels) =>
    Object.entries(wanted ?? {}).every(([name, values]) => values.includes(labels[name] ?? '')),
  );
}

function filtered(runs: CollectedRuns, keep: (labels: RunLabels) => boolean): CollectedRuns {
  const some = <Run extends Pick<PlotRun, 'labels'>>(all: readonly Run[]): Run[] =>
    all.filter(({ labels }) => keep(labels));
  return {
    ...runs,
    evaluations: some(runs.evaluations),
    localisations: some(runs.localisations),
    trainings: some(runs.trainings),
    pairs: some(runs.pairs),
  };
}

function split(item: NamedItem, runs: CollectedRuns): { readonly labels: RunLabels; readonly runs: CollectedRuns }[] {
  const names = item.each;
  if (names === undefined) return [{ labels: {}, runs }];
  const all = [...runs.evaluations, ...runs.localisations, ...runs.trainings];
  const valuesOf = (labels: RunLabels): string[] => names.map((name) => labels[name] ?? '');
  const keys = new Map(all.map(({ labels }) => [JSON.stringify(valuesOf(labels)), valuesOf(labels)]));
  return [...keys.values()].map((values) => ({
    labels: Object.fromEntries(names.map((name, i) => [name, values[i]!])),
    runs: filtered(runs, (labels) => names.every((name, i) => (labels[name] ?? '') === values[i])),
  }));
}

/** A label as part of a file's name. */
function fileName(label: string): string {
  return label.replace(/[^A-Za-z0-9._-]+/g, '_') || 'none';
}
