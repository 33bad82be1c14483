import { numberNotes } from '../tables/number-notes.ts';
import { labelColumns, runTitles } from '../tables/plot-run.ts';
import { missingNotes, titleOf } from '../tables/table-input.ts';
import { type ChartSpec, COLUMN_WIDTH, type Figure } from './figure.ts';
import { checkSeries, type FigureInput } from './figure-input.ts';
import { CATEGORIES, MUTED, SHAPES } from './palette.ts';
import { seriesOf } from './series.ts';

/** Reliability diagrams: how often completions of each predicted probability are correct, raw and scaled. */
export function reliabilityFigure({ runs }: FigureInput): Figure {
  checkSeries(runs.length, 'figure reliability', 4);
  const titles = runTitles(runs.map(({ labels }) => labels));
  const series = ['raw', 'temperature', 'isotonic'];
  const values = runs.flatMap(({ summary: { calibration } }, i) => {
    if (calibration === null) return [];
    const { raw, scaled } = calibration;
    const kinds = { raw: raw.bins, temperature: scaled?.byTemperature.bins, isotonic: scaled?.byIsotonic.bins };
    return series.flatMap((name) =>
      (kinds[name as keyof typeof kinds] ?? []).flatMap(({ meanProbability, accuracy, samples }) =>
        meanProbability === null || accuracy === null
          ? []
          : [{ series: name, panel: titles[i]!, probability: meanProbability, accuracy, samples }],
      ),
    );
  });
  const shown = series.filter((name) => values.some((one) => one.series === name));
  const { common } = labelColumns(runs.map(({ labels }) => labels));
  const eces = runs.map(({ summary: { calibration } }, i) => {
    const ece = calibration?.raw.ece;
    const text = ece
      ? `${(100 * ece.value).toFixed(1)} [${(100 * ece.low).toFixed(1)}, ${(100 * ece.high).toFixed(1)}]`
      : 'n/a';
    return `${runs.length > 1 ? `${titles[i]} ` : ''}${text}`;
  });
  return {
    name: 'reliability',
    caption: [
      `${titleOf('Reliability of logistic(reward)', common)}.`,
      `ECE %, raw: ${eces.join('; ')}.`,
      ...numberNotes(runs),
      'Ten equal bins; the area of a point is the number of completions. Dashed: perfect calibration.',
      ...missingNotes([
        runs.some(({ summary }) => summary.calibration === null) ? 'no critic scores' : null,
        shown.length === 1 ? 'scaled ones, without rows to fit on' : null,
      ]),
    ],
    drawing: { kind: 'chart', spec: chart(values, shown, titles) },
  };
}

function chart(values: readonly object[], series: readonly string[], panels: readonly string[]): ChartSpec {
  const isFaceted = panels.length > 1;
  const side = isFaceted ? COLUMN_WIDTH / 2 - 42 : 200;
  const unitScale = { domain: [0, 1], nice: false };
  const unit = {
    width: side,
    height: side,
    layer: [
      {
        data: { values: [{ from: 0, to: 1 }] },
        mark: { type: 'rule', strokeDash: [4, 3], color: MUTED },
        encoding: {
          x: { field: 'from', type: 'quantitative', scale: unitScale },
          y: { field: 'from', type: 'quantitative', scale: unitScale },
          x2: { field: 'to' },
          y2: { field: 'to' },
        },
      },
      ...[
        { mark: { type: 'line', strokeWidth: 1.2 }, more: {} },
        {
          mark: { type: 'point', filled: true, opacity: 0.9 },
          more: {
            shape: seriesOf(series, SHAPES),
            size: { field: 'samples', type: 'quantitative', scale: { range: [10, 130], zero: true }, legend: null },
          },
        },
      ].map(({ mark, more }) => ({
        mark,
        encoding: {
          x: {
            field: 'probability',
            type: 'quantitative',
            title: 'mean probability',
            scale: unitScale,
            axis: { labelFlush: false },
          },
          y: { field: 'accuracy', type: 'quantitative', title: 'share correct', scale: unitScale },
          color: seriesOf(series, CATEGORIES),
          ...more,
        },
      })),
    ],
  };
  const data = { values };
  if (!isFaceted) return { data, ...unit } as unknown as ChartSpec;
  return {
    data,
    columns: 2,
    facet: { field: 'panel', type: 'nominal', title: null, sort: [...panels] },
    spec: unit,
    spacing: { row: 14, column: 14 },
  } as unknown as ChartSpec;
}
