import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { TextMeasure } from '../figures/figure.ts';
import { type FontMetrics, readFontMetrics } from './font-metrics.ts';

/** The fonts of all figures: they come with the package, so that text is the same on every machine. */
export const FONT_FAMILY = 'DejaVu Sans';

const FILES = {
  sans: 'DejaVuSans.ttf',
  bold: 'DejaVuSans-Bold.ttf',
  mono: 'DejaVuSansMono.ttf',
  monoBold: 'DejaVuSansMono-Bold.ttf',
} as const;

interface Font {
  readonly metrics: FontMetrics;
  readonly widths: Map<number, number>;
}

const loaded = new Map<keyof typeof FILES, Font>();

/** Paths of the font files. */
export function fontFiles(): string[] {
  return Object.values(FILES).map(fontPath);
}

/** The width of a text, by the advances of its characters. */
export const measureText: TextMeasure = (text, { size, isBold = false, isMono = false }) => {
  const { metrics, widths } = fontOf(isMono ? (isBold ? 'monoBold' : 'mono') : isBold ? 'bold' : 'sans');
  let sum = 0;
  for (const char of text) {
    const code = char.codePointAt(0)!;
    let width = widths.get(code);
    if (width === undefined) {
      width = metrics.advanceOf(code) / metrics.unitsPerEm;
      widths.set(code, width);
    }
    sum += width;
  }
  return sum * size;
};

function fontOf(name: keyof typeof FILES): Font {
  let font = loaded.get(name);
  if (font === undefined) {
    font = { metrics: readFontMetrics(readFileSync(fontPath(FILES[name]))), widths: new Map() };
    loaded.set(name, font);
  }
  return font;
}

function fontPath(file: string): string {
  return createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${file}`);
}
