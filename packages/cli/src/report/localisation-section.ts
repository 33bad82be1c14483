import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ControlledSummary,
  formatEstimate,
  formatPercent,
  type JudgedRow,
  type ReportSection,
  type SpanSummary,
  type StepSummary,
  severityTable,
  type Table,
  type UnitSummary,
} from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';

type Summary = ControlledSummary | SpanSummary | StepSummary | UnitSummary;
type Captioned = ReportSection['tables'][number];

const NONE = 'n/a';

/** Where the first error is: the tables of a localisation's summary.json. */
export function localisationSection(path: string, name: string): ReportSection {
  const summary = readSummary(join(path, 'summary.json'));
  return { title: `Where the first error is: ${name}`, ...contentOf(summary) };
}

function readSummary(path: string): Summary {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ToolError('corrupt', { op: path, expected: 'JSON', got: 'other text', cause });
  }
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
  if (['controlled', 'spans', 'steps', 'annotations'].includes(String(kind))) return value as Summary;
  throw new ToolError('config', {
    op: path,
    expected: 'the summary of a localisation, of kind controlled, spans, steps or annotations',
    got: kind === undefined ? 'no kind' : `kind ${String(kind)}`,
  });
}

function contentOf(summary: Summary): Omit<ReportSection, 'title'> {
  if (summary.kind === 'controlled') return controlled(summary);
  if (summary.kind === 'spans') {
    return {
      paragraphs: [
        `${summary.n_traces} labelled traces. Per cent with 95 % intervals over prompts; Hit@w is one prediction within w tokens of the first wrong one.`,
      ],
      tables: summary.grids.map(({ interval, rows }) =>
        judged(interval === 1 ? 'tokens' : `buckets of ${interval} tokens`, rows, (window) => `Hit@${window}`),
      ),
    };
  }
  if (summary.kind === 'steps') {
    const f1: Table = {
      columns: ['is it wrong, and where', 'erroneous %', 'correct %', 'F1 %'].map(header),
      rows: summary.process.rows.map((row) => [
        row.localiser,
        percent(row.accuracy_erroneous),
        percent(row.accuracy_correct),
        formatEstimate(row.f1),
      ]),
    };
    return {
      paragraphs: [
        `${summary.n_erroneous} erroneous and ${summary.n_correct} correct traces; thresholds of ${summary.process.n_dev} others. Per cent with 95 % intervals over problems.`,
      ],
      tables: [
        judged('first wrong step', summary.rows, stepName),
        { caption: 'F1: the harmonic mean of both accuracies, as in ProcessBench', table: f1 },
      ],
    };
  }
  return {
    paragraphs: [
      `${summary.n_labels} labels, ${summary.n_mapped_to_last} of them of no place of their own (counted as the last unit), ${summary.n_unlabelled} without a unit (left out). ${summary.agreement}`,
    ],
    tables: [judged('first wrong unit', summary.rows, stepName)],
  };
}

function controlled(summary: ControlledSummary): Omit<ReportSection, 'title'> {
  const { overall, intervals, headline, monotonicity } = summary;
  const grids = [...new Set(headline.rows.map(({ interval }) => interval))];
  return {
    paragraphs: [
      `${overall.n_pairs} pairs of ${intervals.win_rate?.n ?? 0} prompts; the clean trace is preferred in ${formatEstimate(intervals.win_rate)} % of the pairs${overall.n_unchanged > 0 ? `; in ${overall.n_unchanged} pairs no edit found anything to change` : ''}. Score against severity: rank correlation ${decimal(monotonicity.mean_spearman_rho)}.`,
      'One prediction a trace of severity 1. “difference” sees the clean trace; all others see the edited one alone.',
    ],
    tables: [
      { caption: 'clean against edited traces, by the number of edits', table: severityTable(summary) },
      ...grids.map((interval): Captioned => {
        const rows = headline.rows.filter((row) => row.interval === interval);
        const windows = rows[0]?.windows.map(({ window }) => window) ?? [];
        return {
          caption: `place of the first edit in ${interval === 1 ? 'tokens' : `buckets of ${interval} tokens`}, n = ${rows[0]?.n ?? 0}`,
          table: {
            columns: ['localiser', ...windows.map((window) => `within ${window} tokens %`)].map(header),
            rows: rows.map((row) => [row.localiser, ...row.windows.map(({ hit }) => formatEstimate(hit))]),
          },
        };
      }),
    ],
  };
}

function judged(caption: string, rows: readonly JudgedRow[], nameOf: (key: string) => string): Captioned {
  const first = rows[0];
  const hits = Object.keys(first?.hit ?? {});
  const ks = Object.keys(rows.find(({ hit_at_k }) => hit_at_k !== null)?.hit_at_k ?? {});
  return {
    caption: `${caption}, n = ${first?.n ?? 0}`,
    table: {
      columns: [
        'localiser',
        ...hits.map((key) => `${nameOf(key)} %`),
        ...ks.map((k) => `Hit@${k} of the best %`),
        'MAP %',
      ].map(header),
      rows: rows.map((row) => [
        row.localiser,
        ...hits.map((key) => formatEstimate(row.hit[key]?.value)),
        ...ks.map((k) => formatEstimate(row.hit_at_k?.[k]?.value)),
        formatEstimate(row.map?.value),
      ]),
    },
  };
}

function stepName(key: string): string {
  return key === 'exact' ? 'Hit@1' : 'Hit@±1';
}

function header(text: string, i: number): { header: string; align: 'left' | 'right' } {
  return { header: text, align: i === 0 ? 'left' : 'right' };
}

function percent(share: number | null): string {
  return share === null ? NONE : formatPercent(share);
}

function decimal(value: number | null): string {
  return value === null ? NONE : value.toFixed(3);
}
