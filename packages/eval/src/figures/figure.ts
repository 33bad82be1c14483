import type { TopLevelSpec } from 'vega-lite';

/** A figure before it is drawn: a pure function of numbers. */
export interface Figure {
  /** For file names: letters, digits and hyphens. */
  readonly name: string;
  /** What stands below it: the subject, then n and the method of intervals. */
  readonly caption: readonly string[];
  readonly drawing:
    | { readonly kind: 'chart'; readonly spec: ChartSpec }
    | { readonly kind: 'svg'; readonly draw: (caption: readonly string[], measure: TextMeasure) => string };
}

/** A Vega-Lite specification without what all have in common. */
export type ChartSpec = Omit<TopLevelSpec, 'config' | 'title' | 'padding' | 'background' | '$schema'> & object;

/** Width of a text in pixels. */
export type TextMeasure = (text: string, style: TextStyle) => number;

export interface TextStyle {
  /** Pixels. */
  readonly size: number;
  readonly isBold?: boolean;
  readonly isMono?: boolean;
}

/** Width of a figure that fills a column of a paper, in pixels of 1/96 inch: 3.4 inches. */
export const COLUMN_WIDTH = 326;

/** Width of a figure that fills a page of a paper: 7 inches. */
export const PAGE_WIDTH = 672;
