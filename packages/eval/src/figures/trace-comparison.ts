import { ToolError } from '@dawngrad/tensor';
import { changedPositions } from '../localise/changed-positions.ts';
import { fitPositionScale, stabilise } from '../localise/stabilise.ts';
import { type RunLabels, runTitles } from '../tables/plot-run.ts';
import { drawCaption } from './caption-lines.ts';
import { type Figure, PAGE_WIDTH, type TextMeasure } from './figure.ts';
import { EDITED, GRID, MUTED, RIGHT } from './palette.ts';
import { SvgDrawing } from './svg-drawing.ts';
import { flowText, type TextPiece, wordsOf } from './text-flow.ts';

/** What a figure needs of a line of pair_details.jsonl. */
export interface TracePair {
  readonly promptIdx: number;
  readonly severity: number;
  readonly variantIdx: number;
  readonly prompt: string;
  readonly cleanText: string;
  readonly editedText: string;
  /** Changed tokens of the edited trace. */
  readonly changed: readonly number[];
  readonly clean: readonly number[];
  readonly edited: readonly number[];
}

/** The scored pairs of one critic. */
export interface TracePairs {
  readonly labels: RunLabels;
  readonly source: string;
  readonly pairs: readonly TracePair[];
}

export interface TraceChoice {
  readonly promptIndex?: number;
  readonly severity?: number;
  readonly variantIndex?: number;
  /** `zscore`: less the usual score at that place of a clean trace, in its spread, smoothed over three tokens. */
  readonly transform?: 'raw' | 'zscore';
}

const ZSCORE_BINS = 20;
const SMOOTH_WINDOW = 3;

/**
 * A clean trace beside an edited one: their texts with the edited words in red, and below what each critic says of
 * their tokens, the edits marked. The first pair that all critics share where the one asked for is not among them.
 */
export function traceComparisonFigure(all: readonly TracePairs[], choice: TraceChoice): Figure {
  const key = sharedKey(all, choice);
  const panels = all.map((one): Panel => {
    const pair = one.pairs.find((candidate) => keyOf(candidate) === key)!;
    return { title: '', pair, ...curves(one, pair, choice.transform ?? 'raw') };
  });
  const titles = runTitles(all.map(({ labels }) => labels));
  const titled = panels.map((panel, i) => ({ ...panel, title: titles[i] ?? '' }));
  const { promptIdx, severity, variantIdx } = panels[0]!.pair;
  const isAsked =
    promptIdx === (choice.promptIndex ?? 0) &&
    severity === (choice.severity ?? 5) &&
    variantIdx === (choice.variantIndex ?? 0);
  const caption = [
    `A clean trace and the same with ${severity} ${severity === 1 ? 'edit' : 'edits'}, as ${titles.length === 1 ? 'a critic scores' : 'critics score'} them.`,
    `n: one pair (prompt ${promptIdx}, severity ${severity}, variant ${variantIdx})${isAsked ? '' : ', the first that all have, since the one asked for is not there'}; no interval.`,
    `Top: edited words in red and underlined. Bottom: scores of tokens${choice.transform === 'zscore' ? ` as robust z-scores of their place in clean traces (${ZSCORE_BINS} parts), smoothed over ${SMOOTH_WINDOW}` : ''}, clean solid blue, edited dashed red; solid rule: first edited token, faint ones: further edits. ` +
      'One vertical scale: 1st to 99th percentile of all panels and 8 % more.',
  ];
  return {
    name: 'trace-comparison',
    caption,
    drawing: { kind: 'svg', draw: (lines, measure) => draw(titled, lines, choice.transform ?? 'raw', measure) },
  };
}

interface Panel {
  readonly title: string;
  readonly pair: TracePair;
  readonly clean: readonly number[];
  readonly edited: readonly number[];
}

function keyOf({ promptIdx, severity, variantIdx }: TracePair): string {
  return `${promptIdx} ${severity} ${variantIdx}`;
}

function sharedKey(all: readonly TracePairs[], choice: TraceChoice): string {
  const keys = all.map(({ pairs }) => new Set(pairs.map(keyOf)));
  const wanted = `${choice.promptIndex ?? 0} ${choice.severity ?? 5} ${choice.variantIndex ?? 0}`;
  const isShared = (key: string): boolean => keys.every((some) => some.has(key));
  const found = isShared(wanted) ? wanted : [...(keys[0] ?? [])].find(isShared);
  if (found !== undefined) return found;
  throw new ToolError('config', {
    op: 'figure trace-comparison',
    expected: 'a pair that all of its runs have',
    got: 'none in common',
    hint: 'choose runs of the same prompts and edits with where.',
  });
}

function curves({ pairs }: TracePairs, pair: TracePair, transform: 'raw' | 'zscore'): Pick<Panel, 'clean' | 'edited'> {
  if (transform === 'raw') return { clean: pair.clean, edited: pair.edited };
  const cleans = new Map(pairs.map(({ promptIdx, clean }) => [promptIdx, clean]));
  const scale = fitPositionScale([...cleans.values()], ZSCORE_BINS, 'robust');
  return { clean: stabilise(pair.clean, scale, SMOOTH_WINDOW), edited: stabilise(pair.edited, scale, SMOOTH_WINDOW) };
}

const MARGIN = 8;
const GAP = 10;
const SIZE = 7.5;
const LINE = 10.5;
const MAX_LINES = 34;
const PLOT_HEIGHT = 120;

type Look = 'plain' | 'edited';

function draw(panels: readonly Panel[], caption: readonly string[], transform: string, measure: TextMeasure): string {
  const drawing = new SvgDrawing();
  const inner = PAGE_WIDTH - 2 * MARGIN;
  const { pair } = panels[0]!;
  const texts: readonly (readonly [string, readonly TextPiece<Look>[], number])[] = [
    ['prompt', markedWords(pair.prompt, pair.prompt), 0.24],
    ['clean', markedWords(pair.editedText, pair.cleanText), 0.38],
    ['edited', markedWords(pair.cleanText, pair.editedText), 0.38],
  ];
  let x = MARGIN;
  let bottom = 0;
  for (const [title, pieces, share] of texts) {
    const width = (inner - 2 * GAP) * share;
    bottom = Math.max(bottom, drawText(drawing, title, pieces, x, MARGIN, width, measure));
    x += width + GAP;
  }
  const [low, high] = commonRange(panels);
  const columns = Math.min(3, panels.length);
  const width = (inner - (columns - 1) * GAP) / columns;
  let y = bottom + 14;
  panels.forEach((panel, i) => {
    const column = i % columns;
    if (i > 0 && column === 0) y += PLOT_HEIGHT + 46;
    drawPanel(
      drawing,
      panel,
      MARGIN + column * (width + GAP),
      y,
      width,
      low,
      high,
      column === 0 ? transform : undefined,
    );
  });
  y = drawCaption(drawing, caption, MARGIN, y + PLOT_HEIGHT + 42, inner, measure);
  return drawing.toString(PAGE_WIDTH, Math.ceil(y + MARGIN));
}

/** The words of `text`, those that are not in `other` at their place marked. */
function markedWords(other: string, text: string): TextPiece<Look>[] {
  const ids = new Map<string, number>();
  const idOf = (word: string): number => {
    const known = ids.get(word.trim());
    if (known !== undefined) return known;
    ids.set(word.trim(), ids.size);
    return ids.size - 1;
  };
  const own = wordsOf(text);
  const changed = new Set(changedPositions(wordsOf(other).map(idOf), own.map(idOf)));
  return own.map((word, i) => ({ text: word, look: changed.has(i) ? 'edited' : 'plain' }));
}

function drawText(
  drawing: SvgDrawing,
  title: string,
  pieces: readonly TextPiece<Look>[],
  x: number,
  y: number,
  width: number,
  measure: TextMeasure,
): number {
  const { pieces: placed, lines, leftOut } = flowText(pieces, width - 8, MAX_LINES, { size: SIZE }, measure);
  const height = (lines + (leftOut > 0 ? 1 : 0)) * LINE + 22;
  drawing.rect(x, y, width, height, '#fafafa', '#cccccc');
  drawing.text(x + 4, y + 11, title, { size: 8.5, isBold: true });
  for (const { text, look, x: at, line } of placed) {
    const isEdited = look === 'edited';
    const lead = text.length - text.trimStart().length;
    const shift = measure(text.slice(0, lead), { size: SIZE });
    drawing.text(x + 4 + at + shift, y + 16 + (line + 1) * LINE - 2, text.slice(lead), {
      size: SIZE,
      isUnderlined: isEdited,
      ...(isEdited ? { colour: EDITED } : {}),
    });
  }
  if (leftOut > 0) {
    drawing.text(x + 4, y + 16 + (lines + 1) * LINE - 2, `... and ${leftOut} more words`, {
      size: SIZE,
      colour: MUTED,
    });
  }
  return y + height;
}

function commonRange(panels: readonly Panel[]): [number, number] {
  const all = Float64Array.from(panels.flatMap(({ clean, edited }) => [...clean, ...edited].filter(Number.isFinite)));
  all.sort();
  const at = (share: number): number => all[Math.round(share * (all.length - 1))] ?? 0;
  const [low, high] = [at(0.01), at(0.99)];
  const margin = 0.08 * (high - low || 1);
  return [low - margin, high + margin];
}

function drawPanel(
  drawing: SvgDrawing,
  { title, pair, clean, edited }: Panel,
  left: number,
  top: number,
  fullWidth: number,
  low: number,
  high: number,
  transform: string | undefined,
): void {
  const x0 = left + 30;
  const width = fullWidth - 34;
  const y0 = top + 14;
  const length = Math.max(clean.length, edited.length, 2);
  const px = (t: number): number => x0 + (t / (length - 1)) * width;
  const py = (value: number): number =>
    y0 + PLOT_HEIGHT - ((Math.max(low, Math.min(high, value)) - low) / (high - low)) * PLOT_HEIGHT;
  drawing.text(x0 + width / 2, top + 3, title, { size: 8.5, anchor: 'middle' });
  for (const tick of ticks(low, high, 5)) {
    drawing.line([x0, py(tick)], [x0 + width, py(tick)], GRID, 0.6);
    drawing.text(x0 - 3, py(tick) + 2.6, String(tick), { size: SIZE, anchor: 'end' });
  }
  for (const tick of ticks(0, length - 1, 4)) {
    drawing.line([px(tick), y0 + PLOT_HEIGHT], [px(tick), y0 + PLOT_HEIGHT + 3], MUTED, 0.8);
    drawing.text(px(tick), y0 + PLOT_HEIGHT + 11, String(tick), { size: SIZE, anchor: 'middle' });
  }
  drawing.line([x0, y0], [x0, y0 + PLOT_HEIGHT], MUTED, 0.8);
  drawing.line([x0, y0 + PLOT_HEIGHT], [x0 + width, y0 + PLOT_HEIGHT], MUTED, 0.8);
  const [first, ...later] = editStarts(pair.changed);
  for (const t of later) drawing.line([px(t), y0], [px(t), y0 + PLOT_HEIGHT], '#bbbbbb', 0.7, '2 3');
  if (first !== undefined) {
    drawing.line([px(first), y0], [px(first), y0 + PLOT_HEIGHT], '#333333', 1.2);
    drawing.text(px(first), y0 - 2.5, 'first edit', { size: 6.5, colour: '#333333', anchor: 'middle' });
  }
  const points = (values: readonly number[]): [number, number][] =>
    values.flatMap((value, t): [number, number][] => (Number.isFinite(value) ? [[px(t), py(value)]] : []));
  drawing.polyline(points(clean), RIGHT, 1.3);
  drawing.polyline(points(edited), EDITED, 1.3, '4 1.5');
  drawing.text(x0 + width / 2, y0 + PLOT_HEIGHT + 21, 'token', { size: 8, anchor: 'middle' });
  if (transform !== undefined) {
    const label = transform === 'zscore' ? 'score (z)' : 'score (logit)';
    drawing.text(left + 6, y0 + PLOT_HEIGHT / 2, label, { size: 8, anchor: 'middle', angle: -90 });
  }
}

/** The first token of each stretch of changed ones. */
function editStarts(changed: readonly number[]): number[] {
  return changed.filter((token, i) => i === 0 || changed[i - 1] !== token - 1);
}

/** Round numbers within [low, high], about as many as asked for. */
function ticks(low: number, high: number, count: number): number[] {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(10)));
}
