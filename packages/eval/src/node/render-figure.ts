import { renderAsync } from '@resvg/resvg-js';
import * as vega from 'vega';
import { type Config, compile, type TopLevelSpec } from 'vega-lite';
import { drawableText } from '../figures/drawable-text.ts';
import { COLUMN_WIDTH, type Figure } from '../figures/figure.ts';
import { CATEGORIES, GRID, MUTED, TEXT } from '../figures/palette.ts';
import { wrapText } from '../figures/wrap-text.ts';
import { FONT_FAMILY, fontFiles, measureText } from './fonts.ts';

/** Pixels of a PNG for each of the drawing: 288 dots an inch where a drawing has 96. */
export const PNG_SCALE = 3;

const CAPTION_SIZE = 7.5;
const PADDING = 6;

const CONFIG: Config = {
  font: FONT_FAMILY,
  background: '#ffffff',
  axis: {
    labelFontSize: 8,
    titleFontSize: 9,
    titleFontWeight: 'normal',
    labelColor: TEXT,
    titleColor: TEXT,
    gridColor: GRID,
    domainColor: MUTED,
    tickColor: MUTED,
    labelLimit: 120,
    titlePadding: 4,
  },
  legend: {
    labelFontSize: 8,
    titleFontSize: 8,
    titleFontWeight: 'normal',
    labelColor: TEXT,
    titleColor: TEXT,
    orient: 'top',
    symbolSize: 45,
    labelLimit: 140,
    columnPadding: 8,
    rowPadding: 1,
    offset: 6,
    padding: 0,
  },
  header: { labelFontSize: 8.5, titleFontSize: 8.5, labelColor: TEXT, titleColor: TEXT, labelPadding: 3 },
  range: { category: [...CATEGORIES] },
  view: { stroke: null },
  text: { font: FONT_FAMILY, fontSize: 8, color: TEXT },
};

/** Not in Vega's types: how it measures text, and the numbering of definitions in a drawing. */
const { textMetrics, resetSVGDefIds } = vega as unknown as {
  readonly textMetrics: { width: (item: MeasuredItem, text: string) => number };
  readonly resetSVGDefIds: () => void;
};

interface MeasuredItem {
  readonly fontSize?: number;
  readonly fontWeight?: string | number;
}

/** A figure as SVG: the same bytes for the same figure. */
export async function figureSvg({ drawing, caption }: Figure): Promise<string> {
  if (drawing.kind === 'svg') return drawing.draw(caption, measureText);
  // Without this the layout would depend on whether the machine has a canvas.
  textMetrics.width = (item, text) =>
    measureText(String(text ?? ''), {
      size: item.fontSize ?? 11,
      isBold: item.fontWeight === 'bold' || Number(item.fontWeight) >= 600,
    });
  const [subject = '', ...notes] = caption.map(drawableText);
  const lines = (text: string, isBold: boolean): string[] =>
    wrapText(text, COLUMN_WIDTH - 2 * PADDING, { size: CAPTION_SIZE, isBold }, measureText);
  const spec = {
    ...drawing.spec,
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    padding: PADDING,
    title: {
      text: lines(subject, true),
      subtitle: notes.flatMap((note) => lines(note, false)),
      orient: 'bottom',
      anchor: 'start',
      frame: 'bounds',
      offset: 8,
      fontSize: CAPTION_SIZE,
      fontWeight: 'bold',
      subtitleFontSize: CAPTION_SIZE,
      subtitleFontWeight: 'normal',
      lineHeight: 10,
      subtitleLineHeight: 10,
      color: TEXT,
      subtitleColor: MUTED,
    },
  } as TopLevelSpec;
  const { spec: compiled } = compile(spec, { config: CONFIG });
  // Definitions are numbered for all drawings at once, so one at a time.
  const svg = turn.then(async () => {
    const view = new vega.View(vega.parse(compiled), { renderer: 'none' });
    try {
      resetSVGDefIds();
      return `${await view.toSVG()}\n`;
    } finally {
      view.finalize();
    }
  });
  turn = svg.catch(() => undefined);
  return svg;
}

/** When the drawing before this one is done. */
let turn: Promise<unknown> = Promise.resolve();

/** The drawing in pixels, on white. */
export async function svgPng(svg: string): Promise<Uint8Array> {
  const image = await renderAsync(svg, {
    background: '#ffffff',
    fitTo: { mode: 'zoom', value: PNG_SCALE },
    font: {
      loadSystemFonts: false,
      fontFiles: fontFiles(),
      defaultFontFamily: FONT_FAMILY,
      monospaceFamily: `${FONT_FAMILY} Mono`,
    },
  });
  return image.asPng();
}
