import type { Plot, PlotLine } from '@dawngrad/eval';
import type { SettingResults } from './setting-results.ts';
import type { StudyEstimate } from './study-estimate.ts';
import { armParts, shortLabel, signalLabel } from './study-names.ts';

/** pass@1 of the methods: means with intervals, and a dot for each seed. Null without one. */
export function passPlot({ policies }: SettingResults): Plot | null {
  const shown = policies.flatMap(({ name, passAt1 }) => {
    const estimate = passAt1.find((one) => one.temperature === 1 && one.problems === 'all')?.estimate ?? null;
    // Variants have a table of their own; a page has room for so many names side by side.
    return estimate === null || (armParts(name)?.of ?? null) !== null ? [] : [{ name: shortLabel(name), estimate }];
  });
  return dotPlot('pass@1 of each method in per cent, with 95 % intervals', shown);
}

/** Best of N of SFT's samples by the way to choose. Null without one. */
export function rerankPlot({ rerank }: SettingResults): Plot | null {
  const own = rerank.filter(({ policy }) => policy === 'sft');
  const most = Math.max(...own.map(({ n }) => n));
  const shown = own.flatMap(({ n, selector, estimate }) =>
    n === most && estimate !== null && !selector.startsWith('critic-majority')
      ? [{ name: SHORT[selector] ?? signalLabel(selector).replace(/^critic /, ''), estimate }]
      : [],
  );
  return dotPlot(`best of ${most} of SFT’s samples in per cent, by the way to choose`, shown);
}

const SHORT: Readonly<Record<string, string>> = {
  mean: 'mean',
  length: 'length',
  majority: 'vote',
  'log-probability': 'log-prob',
  'proof-reading': 'proof',
  oracle: 'oracle',
};

function dotPlot(
  label: string,
  shown: readonly { readonly name: string; readonly estimate: StudyEstimate }[],
): Plot | null {
  if (shown.length === 0) return null;
  const percent = (share: number): number => Number((100 * share).toFixed(2));
  const seeds = [...new Set(shown.flatMap(({ estimate }) => estimate.bySeed.map(({ seed }) => seed)))];
  const mean: PlotLine = {
    name: seeds.length > 1 ? 'mean of the seeds' : 'mean of the problems',
    colour: 'blue',
    shape: 'points',
    x: shown.map((_, i) => i),
    y: shown.map(({ estimate }) => percent(estimate.value)),
    low: shown.map(({ estimate }) => percent(estimate.low ?? estimate.value)),
    high: shown.map(({ estimate }) => percent(estimate.high ?? estimate.value)),
  };
  return {
    label,
    x: {
      title: '',
      ticks: mean.x,
      tickLabels: shown.map(({ name }) => name),
      low: -0.6,
      high: shown.length - 0.4,
    },
    y: { title: '% right' },
    lines: [...(seeds.length > 1 ? seeds.map((seed, s) => seedLine(seed, s)) : []), mean],
    bars: [],
  };

  function seedLine(seed: number, s: number): PlotLine {
    const points = shown.flatMap(({ estimate }, i) =>
      estimate.bySeed.flatMap((one) =>
        one.seed === seed ? [{ x: i + 0.14 + (0.26 * s) / Math.max(1, seeds.length - 1), y: percent(one.value) }] : [],
      ),
    );
    return {
      name: `seed ${seed}`,
      colour: 'grey',
      shape: 'points',
      x: points.map(({ x }) => x),
      y: points.map(({ y }) => y),
    };
  }
}
