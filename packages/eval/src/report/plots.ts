import type { EvaluationSummary } from '../evaluate-rows.ts';
import type { CalibrationNumbers, CalibrationSummary } from '../evaluation/calibration-summary.ts';
import type { RankerName } from '../metrics/rerank.ts';
import { histogram } from './histogram.ts';
import type { Plot, PlotLine } from './page-data.ts';
import type { ResultRow } from './summarise.ts';
import { RANKER_LABELS } from './summary-tables.ts';

/**
 * Names of colours that style.ts defines. Hues follow Okabe and Ito (2008), distinguishable with every common kind of
 * colour blindness; lines differ in dash as well.
 */
const POLICY_COLOURS = ['grey', 'amber', 'green', 'blue', 'pink', 'sky', 'orange'];

const RANKER_STYLE: Readonly<Record<RankerName, { readonly colour: string; readonly dash: string }>> = {
  oracle: { colour: 'ink', dash: '2 3' },
  reward: { colour: 'blue', dash: '' },
  weighted: { colour: 'sky', dash: '6 2' },
  majority: { colour: 'green', dash: '8 3 2 3' },
  logprob: { colour: 'pink', dash: '4 2' },
  length: { colour: 'amber', dash: '2 2' },
  random: { colour: 'grey', dash: '5 4' },
};

/** pass@k of the policies: estimates with their 95 % intervals. */
export function passAtKPlot(results: readonly ResultRow[]): Plot {
  const ks = [...new Set(results.flatMap((row) => row.passAtK.map(({ k }) => k)))].sort((a, b) => a - b);
  // Policies stand beside each other around their k, so that intervals do not lie on each other.
  const shift = (i: number): number => (results.length < 2 ? 0 : (0.56 * i) / (results.length - 1) - 0.28);
  return {
    label: 'pass@k of each policy in per cent, with 95 % intervals',
    x: {
      title: '',
      ticks: ks.map((_, i) => i),
      tickLabels: ks.map((k) => `pass@${k}`),
      low: -0.5,
      high: ks.length - 0.5,
    },
    y: { title: '% correct', low: 0 },
    lines: results.map((row, i) => ({
      name: row.name,
      colour: POLICY_COLOURS[i % POLICY_COLOURS.length]!,
      shape: 'points',
      x: row.passAtK.map(({ k }) => ks.indexOf(k) + shift(i)),
      y: row.passAtK.map(({ estimate }) => percent(estimate.value)),
      low: row.passAtK.map(({ estimate }) => percent(estimate.low)),
      high: row.passAtK.map(({ estimate }) => percent(estimate.high)),
    })),
    bars: [],
  };
}

/** Best-of-N over N for each way to choose; the band is the 95 % interval of the learned reward. */
export function bestOfPlot(policy: string, { rows, sizes }: EvaluationSummary['bestOfN']): Plot {
  const lines = (Object.keys(RANKER_STYLE) as RankerName[]).flatMap((ranker): PlotLine[] => {
    const estimates = rows.find((row) => row.ranker === ranker)?.estimates ?? null;
    if (estimates === null) return [];
    const line: PlotLine = {
      name: RANKER_LABELS[ranker],
      ...RANKER_STYLE[ranker],
      shape: ranker === 'reward' ? 'band' : 'line',
      x: [...sizes],
      y: estimates.map(({ value }) => percent(value)),
    };
    if (ranker !== 'reward') return [line];
    return [
      { ...line, low: estimates.map(({ low }) => percent(low)), high: estimates.map(({ high }) => percent(high)) },
    ];
  });
  return {
    label: `best of N of ${policy} samples in per cent, by the way to choose`,
    x: {
      title: 'N, samples to choose from',
      isLog: true,
      ticks: [...sizes],
      tickLabels: sizes.map(String),
    },
    y: { title: '% correct' },
    lines,
    bars: [],
  };
}

/** How the critic scores correct and wrong completions, as shares of their class; null without scores. */
export function rewardPlot(policy: string, rewards: EvaluationSummary['rewards']): Plot | null {
  const counts = histogram(rewards.correct, rewards.wrong);
  if (counts === null) return null;
  const edges = counts.edges.map((edge) => Number(edge.toPrecision(6)));
  const share = (some: readonly number[]): number[] => {
    const total = some.reduce((sum, count) => sum + count, 0);
    return some.map((count) => (total === 0 ? 0 : percent(count / total)));
  };
  const bars = (['correct', 'wrong'] as const).map((verdict) => ({
    name: `${verdict} (${rewards[verdict].length})`,
    colour: verdict === 'correct' ? 'blue' : 'orange',
    x0: edges.slice(0, -1),
    x1: edges.slice(1),
    y: share(counts[verdict]),
  }));
  return {
    label: `histogram of the rewards of correct and of wrong ${policy} completions`,
    x: { title: 'reward of the completion (logit)' },
    y: { title: '% of class', low: 0 },
    lines: [],
    bars,
  };
}

/** How often completions of a predicted probability are correct: as the critic says, and scaled. */
export function reliabilityPlot(policy: string, { raw, scaled }: CalibrationSummary): Plot {
  const line = (name: string, colour: string, dash: string, { bins }: CalibrationNumbers): PlotLine => {
    const filled = bins.filter(({ meanProbability, accuracy }) => meanProbability !== null && accuracy !== null);
    return {
      name,
      colour,
      dash,
      shape: 'line',
      x: filled.map(({ meanProbability }) => percent(meanProbability!)),
      y: filled.map(({ accuracy }) => percent(accuracy!)),
    };
  };
  return {
    label: `reliability of the reward of ${policy} completions as a probability`,
    x: { title: 'predicted %', low: 0, high: 100 },
    y: { title: '% correct', low: 0, high: 100 },
    lines: [
      { name: 'perfect', colour: 'muted', dash: '2 4', shape: 'reference', x: [0, 100], y: [0, 100] },
      line('as it is', 'blue', '', raw),
      ...(scaled === null
        ? []
        : [
            line('temperature-scaled', 'green', '8 3 2 3', scaled.byTemperature),
            line('isotonic', 'pink', '4 2', scaled.byIsotonic),
          ]),
    ],
    bars: [],
  };
}

function percent(share: number): number {
  return Number((100 * share).toFixed(2));
}
