import {
  type ControlledSummary,
  formatEstimate,
  type JudgedRow,
  type Measure,
  renderTextTable,
  type SpanSummary,
  type StepSummary,
  severityTable,
  type Table,
  type UnitSummary,
} from '@dawngrad/eval';

const NONE = 'n/a';

/** What `dawngrad localise` prints of controlled edits: at most 120 columns. */
export function controlledText(summary: ControlledSummary): string {
  const { overall, monotonicity, intervals, headline, localization } = summary;
  const local = localization as {
    mean_gap: number | null;
    unit_name: string;
    hit_at_k: Record<string, number | null>;
    hit_at_k_random: Record<string, number | null>;
  };
  const hits = Object.entries(local.hit_at_k).map(
    ([k, hit]) => `Hit@${k} ${percent(hit)} (chance ${percent(local.hit_at_k_random[k] ?? null)})`,
  );
  return [
    `${overall.n_pairs} pairs of ${intervals.win_rate?.n ?? 0} prompts; clean traces preferred: ${formatEstimate(intervals.win_rate)} % of pairs`,
    ...(overall.n_unchanged > 0 ? [`${overall.n_unchanged} pairs in which no edit found anything to change`] : []),
    '',
    renderTextTable(severityTable(summary)),
    '',
    `score against severity: rank correlation ${decimal(monotonicity.mean_spearman_rho)}, falling or level for ${percent(monotonicity.nonincreasing_rate)} % of ${monotonicity.n_prompts} prompts`,
    `clean - edited by ${local.unit_name}: near minus far from the edit ${decimal(local.mean_gap)}`,
    `largest clean - edited near the edit, %: ${hits.join(', ')}`,
    '',
    ...gridTables(headline.rows),
    `one prediction a trace of severity 1, % with 95 % intervals over prompts; a window of tokens counts as whole buckets`,
    '"clean - edited" sees the clean trace; all other rows see the edited one alone',
  ].join('\n');
}

function gridTables(rows: ControlledSummary['headline']['rows']): string[] {
  const intervals = [...new Set(rows.map(({ interval }) => interval))];
  return intervals.flatMap((interval) => {
    const own = rows.filter((row) => row.interval === interval);
    // Windows that are as many units give the same numbers.
    const windows = (own[0]?.windows ?? []).filter(
      ({ window_units }, i, all) => all.findIndex((other) => other.window_units === window_units) === i,
    );
    const unit = interval === 1 ? 'tokens' : `buckets of ${interval} tokens`;
    const table: Table = {
      columns: [
        leftHeader(`${unit} (n = ${own[0]?.n ?? 0})`),
        ...windows.map(({ window_units }) => rightHeader(`within ${window_units}`)),
      ],
      rows: own.map((row) => [
        row.localiser,
        ...windows.map(({ window }) => formatEstimate(row.windows.find((one) => one.window === window)?.hit)),
      ]),
    };
    return [renderTextTable(narrow(table)), ''];
  });
}

/** The same of labelled spans. */
export function spanText({ grids, n_traces, n_too_short }: SpanSummary): string {
  return [
    `${n_traces} labelled traces`,
    '',
    ...grids.flatMap(({ interval, rows }) => {
      const short = n_too_short[String(interval)] ?? 0;
      return [
        renderTextTable(
          judgedTable(
            `${interval === 1 ? 'tokens' : `buckets of ${interval} tokens`}${short > 0 ? `, ${short} traces too short` : ''}`,
            rows,
            ([window]) => `Hit@${window}`,
          ),
        ),
        '',
      ];
    }),
    'per cent with 95 % intervals over prompts; Hit@w: one prediction within w tokens of the first wrong one; MAP over all wrong tokens',
  ].join('\n');
}

/** The same of labelled steps. */
export function stepText({ rows, process, n_erroneous, n_correct }: StepSummary): string {
  const f1: Table = {
    columns: [
      leftHeader('is it wrong, and where'),
      ...['threshold', 'erroneous %', 'correct %', 'F1 %'].map(rightHeader),
    ],
    rows: process.rows.map((row) => [
      row.localiser,
      row.threshold === null ? '' : decimal(row.threshold),
      percent(row.accuracy_erroneous),
      percent(row.accuracy_correct),
      formatEstimate(row.f1),
    ]),
  };
  return [
    `${n_erroneous} erroneous and ${n_correct} correct traces; thresholds of ${process.n_dev} others`,
    '',
    renderTextTable(judgedTable('first wrong step', rows, ([name]) => (name === 'exact' ? 'Hit@1' : 'Hit@±1'))),
    '',
    renderTextTable(narrow(f1)),
    '',
    'per cent with 95 % intervals over problems; F1 is the harmonic mean of both accuracies, as in ProcessBench',
  ].join('\n');
}

/** The same of annotated cases. */
export function unitText({ rows, n_labels, n_mapped_to_last, n_unlabelled, agreement }: UnitSummary): string {
  return [
    `${n_labels} labels, ${n_mapped_to_last} of them of no place of their own (counted as the last unit), ${n_unlabelled} without a unit (left out)`,
    agreement,
    '',
    renderTextTable(judgedTable('first wrong unit', rows, ([name]) => (name === 'exact' ? 'Hit@1' : 'Hit@±1'))),
    '',
    'per cent with 95 % intervals over cases, within annotators',
  ].join('\n');
}

function judgedTable(
  title: string,
  rows: readonly JudgedRow[],
  nameOf: (entry: readonly [string, Measure]) => string,
): Table {
  const [first] = rows;
  const hasMap = first?.map !== null && first?.map !== undefined && rows.some(({ map }) => map !== null);
  return narrow({
    columns: [
      leftHeader(title),
      rightHeader('n'),
      ...Object.entries(first?.hit ?? {}).map((entry) => rightHeader(nameOf(entry))),
      ...(hasMap ? [rightHeader('MAP')] : []),
      rightHeader('above chance'),
    ],
    rows: rows.map(({ localiser, n, hit, map }) => [
      localiser,
      String(n),
      ...Object.values(hit).map(({ value }) => formatEstimate(value)),
      ...(hasMap ? [map === null ? NONE : percent(map.value?.value ?? null)] : []),
      percent(Object.values(hit)[0]?.above_chance?.value ?? null),
    ]),
  });
}

const MOST_COLUMNS = 120;

/** Without the intervals where the table would be too wide for a terminal. */
function narrow(table: Table): Table {
  const width = (rows: Table['rows']): number =>
    table.columns.reduce(
      (sum, { header }, c) => sum + 2 + Math.max(header.length, ...rows.map((row) => row[c]?.length ?? 0)),
      -2,
    );
  if (width(table.rows) <= MOST_COLUMNS) return table;
  return { ...table, rows: table.rows.map((row) => row.map((cell) => cell.replace(/ \[[^\]]*\]$/, ''))) };
}

function rightHeader(header: string): Table['columns'][number] {
  return { header, align: 'right' };
}

function leftHeader(header: string): Table['columns'][number] {
  return { header, align: 'left' };
}

function percent(share: number | null): string {
  return share === null ? NONE : (100 * share).toFixed(1);
}

function decimal(value: number | null): string {
  return value === null ? NONE : value.toFixed(2);
}
