import type { Plot, PlotLine } from '../src/report/page-data.ts';
import { element, svgElement } from './element.ts';
import { nearestIndex, roundTicks, type Scale, scaleOf, shortNumber } from './scale.ts';

export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface PlotOptions {
  readonly height: number;
  readonly isLogY?: boolean;
  /** The part of the horizontal axis that is shown; null for all of it. */
  readonly range?: Range | null;
  /** Told of a part that was chosen; without it the plot does not zoom. */
  readonly onZoom?: (range: Range | null) => void;
  readonly hasLegend: boolean;
}

const LEFT = 46;
const RIGHT = 12;
const TOP = 20;
const BOTTOM = 34;

/** A chart that is drawn to the width of its place, tells its values to a pointer and to the arrow keys, and zooms. */
export class PlotView {
  readonly #host: HTMLElement;
  readonly #frame: HTMLElement;
  readonly #readout: HTMLElement;
  #plot: Plot;
  #options: PlotOptions;
  #x: Scale = scaleOf(0, 1, 0, 1, false);
  #y: Scale = scaleOf(0, 1, 1, 0, false);
  #cursor: number | null = null;
  #dragFrom: number | null = null;

  constructor(host: HTMLElement, plot: Plot, options: PlotOptions) {
    this.#host = host;
    this.#plot = plot;
    this.#options = options;
    this.#frame = element('div', { class: 'frame', tabindex: '0', role: 'application' });
    this.#readout = element('p', { class: 'readout', 'aria-live': 'polite' });
    host.replaceChildren(...(options.hasLegend ? [legend(plot)] : []), this.#frame, this.#readout);
    this.#listen();
    this.draw();
    new ResizeObserver(() => {
      if (Math.abs(this.#frame.clientWidth - this.#width) > 1) this.draw();
    }).observe(this.#frame);
  }

  #width = 0;

  update(plot: Plot, options: PlotOptions): void {
    this.#plot = plot;
    this.#options = options;
    this.draw();
  }

  draw(): void {
    const { height, isLogY = false, range = null, onZoom } = this.#options;
    const plot = this.#plot;
    this.#width = this.#frame.clientWidth;
    const width = Math.max(200, this.#width);
    const keys = onZoom === undefined ? 'arrow keys tell values' : 'arrow keys tell values, + and − zoom, 0 shows all';
    this.#frame.setAttribute('aria-label', `${plot.label}; ${keys}`);
    const xs = extent([...plot.lines.flatMap(({ x }) => x), ...plot.bars.flatMap(({ x0, x1 }) => [...x0, ...x1])]);
    const shown = range ?? { low: plot.x.low ?? xs.low, high: plot.x.high ?? xs.high };
    const ys = extent(visibleValues(plot, shown).filter((value) => !isLogY || value > 0));
    const margin = 0.05 * (ys.high - ys.low || Math.abs(ys.high) || 1);
    const low = plot.y.low ?? (isLogY ? ys.low : ys.low - margin);
    const high = plot.y.high ?? (isLogY ? ys.high : ys.high + margin);
    this.#x = scaleOf(shown.low, shown.high, LEFT, width - RIGHT, plot.x.isLog === true);
    this.#y = scaleOf(low, high, height - BOTTOM, TOP, isLogY && low > 0);
    const svg = svgElement('svg', { width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' });
    clips += 1;
    const clip = `clip-${clips}`;
    svg.append(
      svgElement(
        'clipPath',
        { id: clip },
        svgElement('rect', {
          x: LEFT - 4,
          y: TOP - 4,
          width: width - LEFT - RIGHT + 8,
          height: height - BOTTOM - TOP + 8,
        }),
      ),
      ...this.#axes(width, height, isLogY && low > 0),
    );
    const marks = svgElement('g', { 'clip-path': `url(#${clip})` });
    for (const bars of plot.bars) {
      const top = (value: number): number => this.#y.at(value);
      bars.y.forEach((value, i) => {
        if (value <= 0) return;
        const [from, to] = [this.#x.at(bars.x0[i]!), this.#x.at(bars.x1[i]!)];
        marks.append(
          svgElement('rect', {
            x: from.toFixed(1),
            y: top(value).toFixed(1),
            width: Math.max(0.5, to - from - 0.5).toFixed(1),
            height: Math.max(0, top(0) - top(value)).toFixed(1),
            fill: `var(--${bars.colour})`,
            opacity: 0.55,
          }),
        );
      });
    }
    for (const line of plot.lines) marks.append(...this.#line(line));
    svg.append(marks, svgElement('g', { class: 'cursor' }));
    this.#frame.replaceChildren(svg);
    if (this.#cursor !== null) this.#point(this.#cursor, false);
  }

  #axes(width: number, height: number, isLogY: boolean): SVGElement[] {
    const { x, y } = this.#plot;
    const made: SVGElement[] = [];
    for (const tick of roundTicks(this.#y.low, this.#y.high, height < 170 ? 3 : 5, isLogY)) {
      const at = this.#y.at(tick).toFixed(1);
      made.push(
        svgElement('line', { x1: LEFT, x2: width - RIGHT, y1: at, y2: at, class: 'grid' }),
        svgElement('text', { x: LEFT - 6, y: at, 'text-anchor': 'end', dy: '.32em' }, shortNumber(tick)),
      );
    }
    const base = height - BOTTOM;
    made.push(svgElement('line', { x1: LEFT, x2: width - RIGHT, y1: base, y2: base, class: 'axis' }));
    const count = Math.max(2, Math.floor((width - LEFT - RIGHT) / 64));
    const ticks = x.ticks ?? roundTicks(this.#x.low, this.#x.high, count, false);
    ticks.forEach((tick, i) => {
      const at = this.#x.at(tick);
      if (at < LEFT - 1 || at > width - RIGHT + 1) return;
      made.push(
        svgElement('line', { x1: at.toFixed(1), x2: at.toFixed(1), y1: base, y2: base + 4, class: 'axis' }),
        svgElement(
          'text',
          // At the right edge half of it would be cut off.
          { x: at.toFixed(1), y: base + 16, 'text-anchor': at > width - RIGHT - 10 ? 'end' : 'middle' },
          x.tickLabels?.[i] ?? shortNumber(tick),
        ),
      );
    });
    const middle = (LEFT + width - RIGHT) / 2;
    if (x.title !== '') made.push(svgElement('text', { x: middle, y: height - 4, 'text-anchor': 'middle' }, x.title));
    if (y.title !== '') made.push(svgElement('text', { x: LEFT, y: 10, class: 'title' }, y.title));
    return made;
  }

  #line(line: PlotLine): SVGElement[] {
    const { x, y, shape } = line;
    const colour = `var(--${line.colour})`;
    const path = (values: readonly number[]): string => {
      let text = '';
      let isOn = false;
      values.forEach((value, i) => {
        const at = this.#y.at(value);
        if (!Number.isFinite(at)) {
          isOn = false;
          return;
        }
        text += `${isOn ? 'L' : 'M'}${this.#x.at(x[i]!).toFixed(1)} ${at.toFixed(1)}`;
        isOn = true;
      });
      return text;
    };
    const made: SVGElement[] = [];
    const { low, high } = line;
    if (shape === 'band' && low !== undefined && high !== undefined) {
      const back = [...low].map((value, i) => `L${this.#x.at(x[i]!).toFixed(1)} ${this.#y.at(value).toFixed(1)}`);
      made.push(svgElement('path', { d: `${path(high)}${back.reverse().join('')}Z`, fill: colour, opacity: 0.14 }));
    }
    if (shape === 'points') {
      x.forEach((at, i) => {
        const px = this.#x.at(at).toFixed(1);
        if (low !== undefined && high !== undefined) {
          const [y1, y2] = [this.#y.at(low[i]!).toFixed(1), this.#y.at(high[i]!).toFixed(1)];
          made.push(svgElement('line', { x1: px, x2: px, y1, y2, stroke: colour, 'stroke-width': 2, opacity: 0.55 }));
        }
        made.push(svgElement('circle', { cx: px, cy: this.#y.at(y[i]!).toFixed(1), r: 4, fill: colour }));
      });
      return made;
    }
    if (line.raw !== undefined) {
      made.push(
        svgElement('path', { d: path(line.raw), fill: 'none', stroke: colour, 'stroke-width': 1, opacity: 0.3 }),
      );
    }
    const dash = line.dash ? { 'stroke-dasharray': line.dash } : {};
    const width = shape === 'reference' ? 1 : 2;
    made.push(svgElement('path', { d: path(y), fill: 'none', stroke: colour, 'stroke-width': width, ...dash }));
    if (shape !== 'reference' && x.length <= 16) {
      x.forEach((at, i) => {
        const cy = this.#y.at(y[i]!);
        if (!Number.isFinite(cy)) return;
        made.push(svgElement('circle', { cx: this.#x.at(at).toFixed(1), cy: cy.toFixed(1), r: 2.6, fill: colour }));
      });
    }
    return made;
  }

  #listen(): void {
    const frame = this.#frame;
    const valueAt = (event: PointerEvent): number => {
      const pixel = event.clientX - frame.getBoundingClientRect().left;
      return Math.max(this.#x.low, Math.min(this.#x.high, this.#x.valueAt(pixel)));
    };
    frame.addEventListener('pointermove', (event) => {
      this.#point(valueAt(event), false);
      if (this.#dragFrom !== null) this.#select(this.#dragFrom, valueAt(event));
    });
    frame.addEventListener('pointerleave', () => {
      if (document.activeElement !== frame) this.#unpoint();
    });
    frame.addEventListener('pointerdown', (event) => {
      // A finger that moves over a chart scrolls the page.
      if (this.#options.onZoom === undefined || event.pointerType === 'touch') return;
      this.#dragFrom = valueAt(event);
      frame.setPointerCapture(event.pointerId);
    });
    frame.addEventListener('pointerup', (event) => {
      const from = this.#dragFrom;
      this.#dragFrom = null;
      if (from === null) return;
      const to = valueAt(event);
      if (Math.abs(this.#x.at(to) - this.#x.at(from)) < 6) this.draw();
      else this.#options.onZoom?.({ low: Math.min(from, to), high: Math.max(from, to) });
    });
    frame.addEventListener('dblclick', () => this.#options.onZoom?.(null));
    frame.addEventListener('keydown', (event) => this.#key(event));
    frame.addEventListener('blur', () => this.#unpoint());
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const places = this.#places().filter((x) => x >= this.#x.low && x <= this.#x.high);
    if (places.length === 0) return;
    const now = this.#cursor === null ? -1 : nearestIndex(places, this.#cursor);
    const { low, high } = this.#x;
    const centre = this.#cursor ?? (low + high) / 2;
    const moves: Readonly<Record<string, () => void>> = {
      ArrowRight: () => this.#point(places[Math.min(places.length - 1, now + 1)]!, true),
      ArrowLeft: () => this.#point(places[now < 0 ? places.length - 1 : Math.max(0, now - 1)]!, true),
      Home: () => this.#point(places[0]!, true),
      End: () => this.#point(places.at(-1)!, true),
      '+': () => this.#options.onZoom?.({ low: centre - (centre - low) / 2, high: centre + (high - centre) / 2 }),
      '-': () => this.#options.onZoom?.(this.#wider(low, high)),
      '0': () => this.#options.onZoom?.(null),
      Escape: () => this.#options.onZoom?.(null),
    };
    const move = moves[event.key === '=' ? '+' : event.key];
    if (move === undefined) return;
    event.preventDefault();
    move();
  }

  #wider(low: number, high: number): Range | null {
    const places = this.#places();
    const width = (high - low) / 2;
    const wide = { low: Math.max(places[0]!, low - width), high: Math.min(places.at(-1)!, high + width) };
    return wide.low <= places[0]! && wide.high >= places.at(-1)! ? null : wide;
  }

  /** Every value of the horizontal axis that something is drawn at. */
  #places(): number[] {
    const all = [
      ...this.#plot.lines.flatMap(({ x }) => x),
      ...this.#plot.bars.flatMap(({ x0, x1 }) => x0.map((from, i) => (from + x1[i]!) / 2)),
    ];
    return [...new Set(all)].sort((a, b) => a - b);
  }

  /** Shows the values nearest to a place; `isSpoken` by a screen reader too. */
  #point(value: number, isSpoken: boolean): void {
    const places = this.#places();
    if (places.length === 0) return;
    const place = places[nearestIndex(places, value)]!;
    this.#cursor = place;
    const group = this.#frame.querySelector('.cursor');
    const px = this.#x.at(place).toFixed(1);
    const { height } = this.#options;
    group?.replaceChildren(svgElement('line', { x1: px, x2: px, y1: TOP, y2: height - BOTTOM, class: 'pointer' }));
    this.#readout.setAttribute('aria-live', isSpoken ? 'polite' : 'off');
    this.#readout.textContent = this.#textAt(place);
  }

  #textAt(place: number): string {
    const { x, lines, bars } = this.#plot;
    const tick = x.ticks?.findIndex(
      (one) => Math.abs(one - place) < 0.5 && x.tickLabels !== undefined && x.title === '',
    );
    const name = tick !== undefined && tick >= 0 ? x.tickLabels![tick]! : `${x.title || 'at'} ${shortNumber(place)}`;
    const values = lines
      .filter(({ shape }) => shape !== 'reference')
      .flatMap((line) => {
        if (line.x.length === 0) return [];
        const i = nearestIndex(line.x, place);
        const isNear = tick !== undefined && tick >= 0 ? Math.abs(line.x[i]! - place) < 0.5 : line.x[i] === place;
        if (!isNear && line.x.length <= 16) return [];
        if (place < line.x[0]! || place > line.x.at(-1)!) return isNear ? [this.#valueText(line, i)] : [];
        return [this.#valueText(line, i)];
      });
    const columns = bars.flatMap(({ name: label, x0, x1, y }) => {
      const i = x0.findIndex((from, at) => place >= from && place < x1[at]!);
      return i < 0 ? [] : [`${label} ${shortNumber(y[i]!)}`];
    });
    return `${name}: ${[...values, ...columns].join(', ') || 'no value'}`;
  }

  #valueText({ name, y, low, high }: PlotLine, i: number): string {
    const bounds =
      low === undefined || high === undefined ? '' : ` [${shortNumber(low[i]!)}, ${shortNumber(high[i]!)}]`;
    return `${name} ${shortNumber(y[i]!)}${bounds}`;
  }

  #select(from: number, to: number): void {
    const [a, b] = [this.#x.at(Math.min(from, to)), this.#x.at(Math.max(from, to))];
    const { height } = this.#options;
    this.#frame
      .querySelector('.cursor')
      ?.append(svgElement('rect', { x: a, y: TOP, width: b - a, height: height - BOTTOM - TOP, class: 'selection' }));
  }

  #unpoint(): void {
    this.#cursor = null;
    this.#frame.querySelector('.cursor')?.replaceChildren();
    this.#readout.textContent = '';
  }

  get host(): HTMLElement {
    return this.#host;
  }
}

let clips = 0;

function visibleValues({ lines, bars }: Plot, { low, high }: Range): number[] {
  const some: number[] = [];
  for (const line of lines) {
    line.x.forEach((x, i) => {
      if (x < low || x > high) return;
      for (const values of [line.y, line.low, line.high, line.raw]) {
        const value = values?.[i];
        if (value !== undefined && Number.isFinite(value)) some.push(value);
      }
    });
  }
  for (const { y } of bars) some.push(...y);
  return some;
}

function extent(values: readonly number[]): Range {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? { low, high } : { low: 0, high: 1 };
}

function legend({ lines, bars }: Plot): HTMLElement {
  const items = [
    ...lines.map((line) => swatch(line)),
    ...bars.map(({ name, colour }) =>
      element(
        'li',
        {},
        svgElement(
          'svg',
          { width: 14, height: 12, 'aria-hidden': 'true' },
          svgElement('rect', { width: 12, height: 10, y: 1, fill: `var(--${colour})`, opacity: 0.55 }),
        ),
        name,
      ),
    ),
  ];
  return element('ul', { class: 'keys' }, ...items);
}

function swatch({ name, colour, dash, shape }: PlotLine): HTMLElement {
  const fill = `var(--${colour})`;
  const mark =
    shape === 'points'
      ? svgElement('circle', { cx: 12, cy: 6, r: 4, fill })
      : svgElement('line', {
          x1: 0,
          x2: 24,
          y1: 6,
          y2: 6,
          stroke: fill,
          'stroke-width': 2,
          ...(dash ? { 'stroke-dasharray': dash } : {}),
        });
  return element('li', {}, svgElement('svg', { width: 24, height: 12, 'aria-hidden': 'true' }, mark), name);
}
