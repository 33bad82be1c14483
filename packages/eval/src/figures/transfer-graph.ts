import { ToolError } from '@dawngrad/tensor';
import { numberNotes, selectionNote } from '../tables/number-notes.ts';
import { labelColumns, type PlotRun } from '../tables/plot-run.ts';
import { titleOf } from '../tables/table-input.ts';
import { checkTransfer } from '../tables/transfer-table.ts';
import { drawCaption } from './caption-lines.ts';
import { COLUMN_WIDTH, type Figure, type TextMeasure } from './figure.ts';
import type { FigureInput } from './figure-input.ts';
import { MUTED, RIGHT, WRONG } from './palette.ts';
import { n, SvgDrawing } from './svg-drawing.ts';

interface Arrow {
  readonly from: string;
  readonly to: string;
  /** Points. */
  readonly gain: number;
}

/** Transfer as a directed graph: from the domain of a reward to that of the policy whose samples it chooses from. */
export function transferGraphFigure({ runs }: FigureInput): Figure {
  checkTransfer(runs);
  const arrows = runs.map(arrowOf);
  const keys = arrows.map(({ from, to }) => `${from}\n${to}`);
  if (new Set(keys).size < keys.length) {
    throw new ToolError('config', {
      op: 'figure transfer-graph',
      expected: 'one run for each domain of policy and reward',
      got: 'several',
      hint: 'choose with where, or make one figure for each model with each.',
    });
  }
  const { common } = labelColumns(
    runs.map(({ labels }) => labels),
    ['domain', 'reward_domain'],
  );
  const caption = [
    `${titleOf('What a reward gains on samples of a domain, points', common)}.`,
    ...numberNotes(runs).slice(0, 1),
    selectionNote(runs),
    'Arrows: from the domain of the reward to that of the samples, as wide as the difference to a random sample; blue solid: a gain, orange dashed: a loss. Below a domain: its own reward. Intervals are in the table transfer.',
  ];
  return {
    name: 'transfer-graph',
    caption,
    drawing: { kind: 'svg', draw: (lines, measure) => draw(arrows, lines, measure) },
  };
}

function arrowOf({ labels, summary }: PlotRun): Arrow {
  const gain = summary.rewardGain?.overRandom.value ?? Number.NaN;
  return { from: labels.reward_domain!, to: labels.domain!, gain: 100 * gain };
}

const RADIUS = 84;
const NODE = 30;

function draw(arrows: readonly Arrow[], caption: readonly string[], measure: TextMeasure): string {
  const drawing = new SvgDrawing();
  const names = [...new Set(arrows.flatMap(({ from, to }) => [from, to]))].sort();
  const places = new Map(
    names.map((name, i) => {
      const angle = (2 * Math.PI * i) / names.length - Math.PI / 2;
      return [
        name,
        [COLUMN_WIDTH / 2 + 1.25 * RADIUS * Math.cos(angle), NODE + 8 + RADIUS * (1 + Math.sin(angle))] as const,
      ];
    }),
  );
  const lowest = Math.max(...[...places.values()].map(([, y]) => y));
  const largest = Math.max(...arrows.map(({ gain }) => Math.abs(gain)).filter(Number.isFinite), 1e-9);
  for (const arrow of arrows) {
    if (arrow.from !== arrow.to) drawArrow(drawing, arrow, places.get(arrow.from)!, places.get(arrow.to)!, largest);
  }
  for (const [name, [x, y]] of places) {
    drawing.circle(x, y, NODE, '#ffffff', MUTED);
    const size = Math.min(8, (8 * (2 * NODE - 6)) / measure(name, { size: 8, isBold: true }));
    drawing.text(x, y, name, { size, isBold: true, anchor: 'middle' });
    const own = arrows.find(({ from, to }) => from === name && to === name);
    if (own !== undefined) drawing.text(x, y + 10, signed(own.gain), { size: 7.5, anchor: 'middle' });
  }
  const end = drawCaption(drawing, caption, 6, lowest + NODE + 10, COLUMN_WIDTH - 12, measure);
  return drawing.toString(COLUMN_WIDTH, Math.ceil(end + 8));
}

function drawArrow(
  drawing: SvgDrawing,
  { gain }: Arrow,
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
  largest: number,
): void {
  const length = Math.hypot(x2 - x1, y2 - y1);
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  // Bent to its own side, so that the arrow back does not lie on it.
  const bend = 13;
  const [mx, my] = [(x1 + x2) / 2 - uy * bend * 2, (y1 + y2) / 2 + ux * bend * 2];
  const start = towards([x1, y1], [mx, my], NODE + 1);
  const end = towards([x2, y2], [mx, my], NODE + 7);
  const tip = towards([x2, y2], [mx, my], NODE + 1);
  const colour = gain < 0 ? WRONG : RIGHT;
  const width = Number.isFinite(gain) ? 0.7 + 3 * (Math.abs(gain) / largest) : 0.7;
  const dash = gain < 0 ? '4 2' : undefined;
  // A quadratic curve as short lines: a dashed path needs no attribute of its own then.
  const curve = Array.from({ length: 25 }, (_, i): [number, number] => {
    const t = i / 24;
    const at = (a: number, b: number, c: number): number => (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t ** 2 * c;
    return [at(start[0], mx, end[0]), at(start[1], my, end[1])];
  });
  drawing.polyline(curve, colour, width, dash);
  const [dx, dy] = [(tip[0] - end[0]) / 6, (tip[1] - end[1]) / 6];
  const half = 2.5 + width;
  drawing.path(
    `M${n(tip[0])},${n(tip[1])} L${n(end[0] - dy * half)},${n(end[1] + dx * half)} L${n(end[0] + dy * half)},${n(end[1] - dx * half)} Z`,
    colour,
    0.5,
    colour,
  );
  const [lx, ly] = curve[12]!;
  // Beside the arrow, on its outer side: a text to the left of it ends there, one to the right begins there.
  const [outX, outY] = [-uy, ux];
  const anchor = Math.abs(outX) < 0.4 ? 'middle' : outX < 0 ? 'end' : 'start';
  drawing.text(lx + outX * (4 + width), ly + outY * (8 + width) + 3, signed(gain), { size: 7.5, anchor });
}

function towards(from: readonly [number, number], to: readonly [number, number], distance: number): [number, number] {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  return [from[0] + ((to[0] - from[0]) * distance) / length, from[1] + ((to[1] - from[1]) * distance) / length];
}

function signed(points: number): string {
  if (!Number.isFinite(points)) return 'n/a';
  return `${points > 0 ? '+' : ''}${points.toFixed(1)}`;
}
