import type { TopLevelSpec } from 'vega-lite';
import type { EvaluationSummary } from '../evaluate-rows.ts';
import type { RankerName } from '../metrics/rerank.ts';
import { type Curve, smooth } from './curves.ts';
import type { Histogram } from './histogram.ts';
import type { ResultRow } from './summarise.ts';
import { RANKER_LABELS } from './summary-tables.ts';

/**
 * Colours are CSS variables, so that one drawing serves the light and the dark page; `PALETTE_CSS` in
 * style.ts defines them. Hues follow Okabe and Ito (2008), distinguishable with every common kind of
 * colour blindness; lines differ in dash as well.
 */
const POLICY_COLOURS = ['var(--grey)', 'var(--amber)', 'var(--green)', 'var(--blue)', 'var(--pink)', 'var(--sky)'];

const RANKER_STYLE: Readonly<Record<RankerName, { readonly colour: string; readonly dash: readonly number[] }>> = {
  oracle: { colour: 'var(--ink)', dash: [2, 3] },
  reward: { colour: 'var(--blue)', dash: [1, 0] },
  weighted: { colour: 'var(--sky)', dash: [6, 2] },
  majority: { colour: 'var(--green)', dash: [8, 3, 2, 3] },
  logprob: { colour: 'var(--pink)', dash: [4, 2] },
  length: { colour: 'var(--amber)', dash: [2, 2] },
  random: { colour: 'var(--grey)', dash: [5, 4] },
};

const FONT = 'system-ui, sans-serif';

const CONFIG = {
  background: 'transparent',
  font: FONT,
  view: { stroke: null },
  axis: {
    labelColor: 'var(--muted)',
    titleColor: 'var(--muted)',
    titleFontWeight: 'normal',
    titleFontSize: 12,
    labelFontSize: 11,
    gridColor: 'var(--rule)',
    domainColor: 'var(--rule)',
    tickColor: 'var(--rule)',
  },
  axisX: { grid: false },
  legend: {
    labelColor: 'var(--ink)',
    titleColor: 'var(--muted)',
    labelFontSize: 12,
    symbolStrokeWidth: 2,
    title: null,
    labelLimit: 0,
  },
} as const;

type Spec = Omit<Exclude<TopLevelSpec, { concat: unknown }>, 'config'>;

/** One metric of one stage over its steps: the raw values faint, their moving average strong. */
export function curveChart(curve: Curve): Promise<string> {
  const averaged = smooth(
    curve.points.map(([, value]) => value),
    Math.floor(curve.points.length / 20),
  );
  const values = curve.points.map(([step, value], i) => ({ step, value, mean: averaged[i] }));
  const x = { field: 'step', type: 'quantitative', axis: { tickCount: 5, title: 'step' }, scale: { nice: false } };
  const y = { type: 'quantitative', axis: { tickCount: 4, title: null, format: '.3~g' }, scale: { zero: false } };
  return draw({
    width: 232,
    height: 120,
    data: { values },
    layer: [
      {
        mark: { type: 'line', strokeWidth: 1, opacity: 0.35, color: 'var(--blue)' },
        encoding: { x, y: { ...y, field: 'value' } },
      },
      { mark: { type: 'line', strokeWidth: 2, color: 'var(--blue)' }, encoding: { x, y: { ...y, field: 'mean' } } },
    ],
  });
}

/** pass@k of the policies: grouped bars with their 95 % intervals. */
export function passAtKChart(results: readonly ResultRow[]): Promise<string> {
  const values = results.flatMap((row) =>
    row.passAtK.map(({ k, estimate }) => ({
      policy: row.name,
      k: `pass@${k}`,
      value: 100 * estimate.value,
      low: 100 * estimate.low,
      high: 100 * estimate.high,
    })),
  );
  const names = results.map((row) => row.name);
  const x = {
    field: 'k',
    type: 'nominal',
    sort: null,
    axis: { title: null, labelAngle: 0, labelFontSize: 12, ticks: false, domain: false, labelPadding: 8 },
    scale: { paddingInner: 0.25 },
  };
  const xOffset = { field: 'policy', type: 'nominal', sort: names };
  return draw({
    width: 720,
    height: 220,
    data: { values },
    layer: [
      {
        mark: { type: 'bar' },
        encoding: {
          x,
          xOffset,
          y: { field: 'value', type: 'quantitative', ...PERCENT_AXIS },
          color: {
            field: 'policy',
            type: 'nominal',
            scale: { domain: names, range: names.map((_, i) => POLICY_COLOURS[i % POLICY_COLOURS.length]!) },
            legend: { orient: 'top', symbolType: 'square', symbolStrokeWidth: 0 },
          },
        },
      },
      {
        mark: { type: 'rule', strokeWidth: 1.5, color: 'var(--ink)' },
        encoding: {
          x,
          xOffset,
          y: { field: 'low', type: 'quantitative' },
          y2: { field: 'high' },
        },
      },
    ],
  });
}

/** Best-of-N over N for each way to choose; the band is the 95 % interval of the learned reward. */
export function bestOfChart(bestOfN: EvaluationSummary['bestOfN']): Promise<string> {
  const shown = (Object.keys(RANKER_STYLE) as RankerName[]).flatMap((ranker) =>
    bestOfN.rows.filter((row) => row.ranker === ranker && row.estimates !== null),
  );
  const values = shown.flatMap((row) =>
    row.estimates!.map((estimate, i) => ({
      n: bestOfN.sizes[i]!,
      ranker: RANKER_LABELS[row.ranker],
      value: 100 * estimate.value,
      low: 100 * estimate.low,
      high: 100 * estimate.high,
    })),
  );
  const domain = shown.map((row) => RANKER_LABELS[row.ranker]);
  const x = {
    field: 'n',
    type: 'quantitative',
    scale: { type: 'log', base: 2, nice: false },
    axis: { title: 'N, samples to choose from', values: [...bestOfN.sizes], format: 'd', labelOverlap: false },
  };
  return draw({
    width: 600,
    height: 270,
    data: { values },
    layer: [
      {
        transform: [{ filter: { field: 'ranker', equal: RANKER_LABELS.reward } }],
        mark: { type: 'area', opacity: 0.14, color: 'var(--blue)' },
        encoding: { x, y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } },
      },
      {
        mark: { type: 'line', strokeWidth: 2, point: { size: 28, filled: true } },
        encoding: {
          x,
          y: { field: 'value', type: 'quantitative', ...PERCENT_AXIS, scale: { zero: false, nice: true } },
          color: {
            field: 'ranker',
            type: 'nominal',
            scale: { domain, range: shown.map((row) => RANKER_STYLE[row.ranker].colour) },
            legend: { orient: 'right', symbolType: 'stroke', symbolSize: 400 },
          },
          strokeDash: {
            field: 'ranker',
            type: 'nominal',
            scale: { domain, range: shown.map((row) => [...RANKER_STYLE[row.ranker].dash]) },
          },
        },
      },
    ],
  });
}

/** How the critic scores correct and wrong completions: two histograms on shared bins, as shares of their class. */
export function rewardChart(rewards: Histogram): Promise<string> {
  const classes = [
    ['correct', rewards.correct],
    ['wrong', rewards.wrong],
  ] as const;
  const values = classes.flatMap(([verdict, counts]) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    return counts.map((count, i) => ({
      verdict: `${verdict} (${total})`,
      from: rewards.edges[i]!,
      to: rewards.edges[i + 1]!,
      share: total === 0 ? 0 : (100 * count) / total,
    }));
  });
  return draw({
    width: 600,
    height: 140,
    data: { values },
    mark: { type: 'bar', opacity: 0.6, binSpacing: 0 },
    encoding: {
      x: {
        field: 'from',
        type: 'quantitative',
        bin: { binned: true },
        axis: { title: 'reward of the completion (logit)', format: '.3~g', tickCount: 7 },
        scale: { nice: false, zero: false },
      },
      x2: { field: 'to' },
      y: {
        field: 'share',
        type: 'quantitative',
        stack: null,
        axis: { title: '% of class', tickCount: 4 },
      },
      color: {
        field: 'verdict',
        type: 'nominal',
        sort: null,
        scale: { range: ['var(--blue)', 'var(--orange)'] },
        legend: { orient: 'top', symbolType: 'square', symbolStrokeWidth: 0 },
      },
    },
  });
}

const PERCENT_AXIS = { axis: { title: '% correct', tickCount: 5 } };

/** Vega is a large library: it is loaded when the first chart is drawn, not with the package. */
async function draw(spec: unknown): Promise<string> {
  const [{ compile }, { parse, View }] = await Promise.all([import('vega-lite'), import('vega')]);
  const { spec: compiled } = compile({ ...(spec as Spec), config: CONFIG } as TopLevelSpec);
  const view = new View(parse(compiled), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
