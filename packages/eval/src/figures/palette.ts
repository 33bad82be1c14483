/**
 * Colours that people with any colour vision can tell apart, dark enough on white (Okabe and Ito 2008, "Color
 * Universal Design"); the yellow of that set is left out, being too light for lines.
 */
export const CATEGORIES = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#333333'] as const;

/** Shapes of points, so that colour is not all that tells series apart. */
export const SHAPES = [
  'circle',
  'square',
  'triangle-up',
  'diamond',
  'cross',
  'triangle-down',
  'triangle-right',
] as const;

export const RIGHT = '#0072b2';
export const WRONG = '#d55e00';
/** Of edited traces: dark enough to be told from the blue without colour vision too. */
export const EDITED = '#b30000';
export const TEXT = '#1a1a1a';
export const MUTED = '#595959';
export const GRID = '#dddddd';

/** Ends and middle of the diverging scale: orange below, blue above (both colour-blind safe), white at 0. */
const LOW = [213, 94, 0] as const;
const MIDDLE = [255, 255, 255] as const;
const HIGH = [0, 114, 178] as const;
/** The ends stay light enough for dark text. */
const STRENGTH = 0.72;

/** The colour of a value of -1 ... 1 on the diverging scale; values beyond count as the ends. */
export function divergingColour(value: number): string {
  const at = Math.max(-1, Math.min(1, Number.isFinite(value) ? value : 0)) * STRENGTH;
  const end = at < 0 ? LOW : HIGH;
  const part = MIDDLE.map((middle, i) => Math.round(middle + Math.abs(at) * (end[i]! - middle)));
  return `#${part.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
