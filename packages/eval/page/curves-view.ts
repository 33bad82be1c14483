import type { PageMetric, PageStage, Plot } from '../src/report/page-data.ts';
import { element, svgElement } from './element.ts';
import { PlotView, type Range } from './plot-view.ts';
import { movingAverage } from './scale.ts';

const COLOURS = ['blue', 'orange', 'green', 'pink', 'sky', 'amber', 'grey'];
const DASHES = ['', '7 3', '2 2', '8 3 2 3'];

/** What the reader chose; kept when newer data come. */
export interface CurveState {
  /** Per cent of a line's points that its average goes over. */
  smoothing: number;
  isLog: boolean;
  readonly hidden: Set<number>;
  /** By stage: metrics that were added to those shown unasked, and the part of the steps that is shown. */
  readonly added: Map<string, Set<string>>;
  readonly zoom: Map<string, Range>;
}

export function newCurveState(): CurveState {
  return { smoothing: 5, isLog: false, hidden: new Set(), added: new Map(), zoom: new Map() };
}

/** The learning curves: small charts by stage and metric, runs on each other. */
export function showCurves(
  controls: HTMLElement,
  charts: HTMLElement,
  stages: readonly PageStage[],
  runs: readonly string[],
  state: CurveState,
): void {
  const drawn: { view: PlotView; stage: PageStage; metric: PageMetric }[] = [];
  const redraw = (): void => {
    for (const { view, stage, metric } of drawn) view.update(plotOf(metric, runs, state), options(stage));
  };
  const options = (stage: PageStage) => ({
    height: 170,
    isLogY: state.isLog,
    hasLegend: false,
    range: state.zoom.get(stage.name) ?? null,
    onZoom: (range: Range | null) => {
      if (range === null) state.zoom.delete(stage.name);
      else state.zoom.set(stage.name, range);
      redraw();
    },
  });
  const drawnRuns = new Set(
    stages.flatMap(({ metrics }) => metrics.flatMap(({ lines }) => lines.map(({ run }) => run))),
  );
  controls.replaceChildren(...controlsOf(runs, drawnRuns, state, redraw));
  const drawStage = (stage: PageStage, grid: HTMLElement): void => {
    const added = state.added.get(stage.name) ?? new Set();
    for (const metric of stage.metrics.filter(({ key, isShown }) => isShown || added.has(key))) {
      if (drawn.some((one) => one.stage === stage && one.metric === metric)) continue;
      const host = element('div', { class: 'plot' });
      const unit = metric.unit === '' ? '' : ` (${metric.unit})`;
      const title = metric.label === metric.key ? metric.key : `${metric.label}, ${metric.key}`;
      grid.append(element('figure', {}, element('figcaption', {}, `${title}${unit}`), host));
      drawn.push({ view: new PlotView(host, plotOf(metric, runs, state), options(stage)), stage, metric });
    }
  };
  charts.replaceChildren();
  for (const stage of stages) {
    const grid = element('div', { class: 'curves' });
    charts.append(
      element('h3', {}, stage.name),
      grid,
      chooser(stage, state, () => drawStage(stage, grid)),
    );
    drawStage(stage, grid);
  }
}

function controlsOf(
  runs: readonly string[],
  drawn: ReadonlySet<number>,
  state: CurveState,
  redraw: () => void,
): HTMLElement[] {
  const smoothing = element('input', {
    type: 'range',
    id: 'smoothing',
    min: '0',
    max: '30',
    step: '1',
    value: String(state.smoothing),
  });
  const shown = element('output', { for: 'smoothing' }, `${state.smoothing} %`);
  smoothing.addEventListener('input', () => {
    state.smoothing = Number(smoothing.value);
    shown.textContent = `${state.smoothing} %`;
    redraw();
  });
  const log = element('input', { type: 'checkbox', id: 'log-axis' });
  log.checked = state.isLog;
  log.addEventListener('change', () => {
    state.isLog = log.checked;
    redraw();
  });
  const reset = element('button', { type: 'button' }, 'Show all steps');
  reset.addEventListener('click', () => {
    state.zoom.clear();
    redraw();
  });
  return [
    element('label', {}, 'Smoothing ', smoothing, ' ', shown),
    element('label', {}, log, ' logarithmic values'),
    reset,
    ...(drawn.size > 1 ? [runChoice(runs, drawn, state, redraw)] : []),
  ];
}

function runChoice(
  runs: readonly string[],
  drawn: ReadonlySet<number>,
  state: CurveState,
  redraw: () => void,
): HTMLElement {
  return element(
    'fieldset',
    { class: 'runs' },
    element('legend', {}, 'Runs'),
    ...[...drawn]
      .sort((a, b) => a - b)
      .map((run) => {
        const box = element('input', { type: 'checkbox' });
        box.checked = !state.hidden.has(run);
        box.addEventListener('change', () => {
          if (box.checked) state.hidden.delete(run);
          else state.hidden.add(run);
          redraw();
        });
        const { colour, dash } = styleOf(run);
        const mark = svgElement('line', { x1: 0, x2: 24, y1: 6, y2: 6, stroke: `var(--${colour})`, 'stroke-width': 2 });
        if (dash !== '') mark.setAttribute('stroke-dasharray', dash);
        return element(
          'label',
          {},
          box,
          ' ',
          svgElement('svg', { width: 24, height: 12, 'aria-hidden': 'true' }, mark),
          ` ${runs[run]}`,
        );
      }),
  );
}

function chooser(stage: PageStage, state: CurveState, draw: () => void): HTMLElement | string {
  const others = stage.metrics.filter(({ isShown }) => !isShown);
  if (others.length === 0) return '';
  const select = element(
    'select',
    {},
    element('option', { value: '' }, `${others.length} more metrics…`),
    ...others.map(({ key }) => element('option', { value: key }, key)),
  );
  select.addEventListener('change', () => {
    if (select.value === '') return;
    const added = state.added.get(stage.name) ?? new Set();
    added.add(select.value);
    state.added.set(stage.name, added);
    select.value = '';
    draw();
  });
  return element('p', { class: 'controls' }, element('label', {}, 'Add a chart of ', select));
}

function styleOf(run: number): { colour: string; dash: string } {
  return {
    colour: COLOURS[run % COLOURS.length]!,
    dash: DASHES[Math.floor(run / COLOURS.length) % DASHES.length]!,
  };
}

function plotOf({ label, unit, lines }: PageMetric, runs: readonly string[], state: CurveState): Plot {
  return {
    label: `${label}${unit === '' ? '' : ` in ${unit}`} by step`,
    x: { title: 'step' },
    y: { title: '' },
    lines: lines
      .filter(({ run }) => !state.hidden.has(run))
      .map(({ run, x, y }) => ({
        name: runs[run]!,
        ...styleOf(run),
        shape: 'line' as const,
        x,
        y: movingAverage(y, Math.round((state.smoothing / 200) * y.length)),
        ...(state.smoothing === 0 ? {} : { raw: y }),
      })),
    bars: [],
  };
}
