import type { Spec } from 'vega';
import type { Row } from './row.ts';

/** Hues after Okabe and Ito (2008), distinguishable with every common kind of colour blindness. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9'];
const BAR_HEIGHT = 9;

/** A bar of the plot: how many times as long as dawngrad a peer takes. */
export interface SpeedBar {
  readonly work: string;
  readonly library: string;
  readonly ratio: number;
}

export function speedBars(rows: readonly Row[]): SpeedBar[] {
  const ofPeers = rows.filter(({ suite }) => suite === 'peers');
  return ofPeers.flatMap(({ name, library, median_ms }) => {
    const ours = ofPeers.find((row) => row.name === name && row.library === 'dawngrad');
    if (library === 'dawngrad' || median_ms === null || !ours?.median_ms) return [];
    return [{ work: name, library, ratio: median_ms / ours.median_ms }];
  });
}

function plotSpec(bars: readonly SpeedBar[], subtitle: string): Spec {
  const libraries = [...new Set(bars.map(({ library }) => library))];
  const works = new Set(bars.map(({ work }) => work));
  return {
    background: 'white',
    padding: 8,
    width: 460,
    height: works.size * (libraries.length + 1) * BAR_HEIGHT,
    title: { text: 'Time over that of dawngrad, medians of interleaved runs', subtitle, anchor: 'start', offset: 12 },
    data: [{ name: 'bars', values: [...bars] }],
    scales: [
      {
        name: 'ratio',
        type: 'log',
        domain: { data: 'bars', field: 'ratio' },
        domainMin: 0.5,
        range: 'width',
      },
      { name: 'work', type: 'band', domain: [...works], range: 'height', paddingInner: 1 / (libraries.length + 1) },
      { name: 'colour', type: 'ordinal', domain: libraries, range: COLOURS },
    ],
    axes: [
      {
        scale: 'ratio',
        orient: 'bottom',
        title: 'times as long',
        values: [0.5, 1, 2, 5, 10, 20, 50, 100],
        format: '~g',
        grid: true,
      },
      { scale: 'work', orient: 'left', ticks: false, domain: false, labelLimit: 0, labelPadding: 6 },
    ],
    legends: [{ fill: 'colour', orient: 'top', direction: 'horizontal', symbolType: 'square' }],
    marks: [
      {
        type: 'group',
        from: { facet: { data: 'bars', name: 'ofWork', groupby: 'work' } },
        encode: {
          enter: {
            y: { scale: 'work', field: 'work' },
            width: { signal: 'width' },
            height: { scale: 'work', band: 1 },
          },
        },
        signals: [{ name: 'height', update: "bandwidth('work')" }],
        scales: [{ name: 'library', type: 'band', domain: libraries, range: 'height' }],
        marks: [
          {
            type: 'rect',
            from: { data: 'ofWork' },
            encode: {
              enter: {
                x: { scale: 'ratio', value: 1 },
                x2: { scale: 'ratio', field: 'ratio' },
                y: { scale: 'library', field: 'library' },
                height: { scale: 'library', band: 0.9 },
                fill: { scale: 'colour', field: 'library' },
              },
            },
          },
        ],
      },
      {
        type: 'rule',
        encode: {
          enter: {
            x: { scale: 'ratio', value: 1 },
            y: { value: 0 },
            y2: { signal: 'height' },
            stroke: { value: '#333' },
            strokeWidth: { value: 1.5 },
          },
        },
      },
    ],
    config: { axis: { domainColor: '#999', gridColor: '#ddd', tickColor: '#999' } },
  };
}

/** The times of the peers over ours as an SVG: grouped bars on a logarithmic axis; the line at 1 is dawngrad. */
export async function speedPlot(rows: readonly Row[]): Promise<string> {
  const [origin] = rows;
  const subtitle = origin ? `${origin.driver}, commit ${origin.commit}` : '';
  const { parse, View } = await import('vega');
  const view = new View(parse(plotSpec(speedBars(rows), subtitle)), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
