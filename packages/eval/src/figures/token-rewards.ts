import { ToolError } from '@dawngrad/tensor';
import { rewardOf } from '../evaluation/candidates.ts';
import { scoreSpan } from '../localise/unit-summary.ts';
import { groupByPrompt, type PromptGroup } from '../prompt-group.ts';
import { type EvalRow, isCorrect } from '../row.ts';
import { runTitles } from '../tables/plot-run.ts';
import { drawCaption } from './caption-lines.ts';
import { type Figure, PAGE_WIDTH, type TextMeasure } from './figure.ts';
import type { FigureInput } from './figure-input.ts';
import { divergingColour, MUTED } from './palette.ts';
import { SvgDrawing } from './svg-drawing.ts';
import { flowText, type TextPiece, wordsOf } from './text-flow.ts';

const MARGIN = 8;
const GAP = 14;
const SIZE = 8;
const LINE = 12;
const MAX_LINES = 42;

/** The best-scored correct completion of a prompt, and the worst-scored wrong one. */
interface ShownPrompt {
  readonly question: string;
  readonly right: ShownTrace;
  readonly wrong: ShownTrace;
}

interface ShownTrace {
  readonly score: number;
  readonly pieces: readonly TextPiece<number>[];
}

/**
 * Completions whose tokens have their reward less the mean of all tokens as colour, on one scale for all of them: a
 * correct one beside a wrong one of the same prompt.
 */
export function tokenRewardsFigure({ runs, rowsOf, piecesOf, prompts = 1 }: FigureInput): Figure {
  const [run] = runs;
  if (run === undefined || runs.length > 1) {
    throw new ToolError('config', {
      op: 'figure token-rewards',
      expected: 'one run',
      got: `${runs.length}`,
      hint: 'choose with where, or make one figure a run with each.',
    });
  }
  const rows = rowsOf(run);
  const { mean, reach } = scaleOf(rows, run.source);
  const { selector } = run.summary;
  const pairs = groupByPrompt(rows).flatMap((group) => {
    const pair = extremes(group, (row) => rewardOf(row, selector));
    return pair === undefined ? [] : [pair];
  });
  if (pairs.length === 0) {
    throw new ToolError('config', {
      op: `figure token-rewards, ${run.source}`,
      expected: 'a prompt with a correct and a wrong completion, both with finite scores',
      got: 'none',
    });
  }
  const shown = pairs.slice(0, prompts).map(({ right, wrong, rightScore, wrongScore }): ShownPrompt => {
    const trace = (row: EvalRow, score: number): ShownTrace => ({
      score,
      pieces: colouredPieces(row, piecesOf(run, row), (reward) => (reward - mean) / reach),
    });
    return {
      question: right.prompt.findLast(({ role }) => role === 'user')?.content ?? '',
      right: trace(right, rightScore),
      wrong: trace(wrong, wrongScore),
    };
  });
  const isByToken = pairs.slice(0, prompts).every(({ right }) => piecesOf(run, right) !== null);
  const title = runTitles([run.labels])[0] ?? '';
  const scores = rows.reduce((sum, row) => sum + (row.reward_model_score?.length ?? 0), 0);
  const caption = [
    `Reward of each token less the mean${title === '' ? '' : `: ${Object.values(run.labels).join(', ')}`}.`,
    `Left: the correct completion with the best score (${selector} of its tokens), right: the wrong one with the worst. ` +
      `n: ${shown.length} of ${pairs.length} prompts that have both; mean ${mean.toFixed(2)} over ${scores} tokens of all completions.`,
    isByToken
      ? 'Each token has its own score.'
      : 'Words have the mean score of the tokens that their characters are proportionally the share of: rows hold no text of tokens, and no tokenizer was named.',
  ];
  return {
    name: 'token-rewards',
    caption,
    drawing: { kind: 'svg', draw: (lines, measure) => draw(shown, lines, mean, reach, measure) },
  };
}

/** The mean of all token scores, and the distance from it within which 98 % of them are: the ends of the scale. */
function scaleOf(rows: readonly EvalRow[], source: string): { readonly mean: number; readonly reach: number } {
  const all = Float64Array.from(rows.flatMap((row) => (row.reward_model_score ?? []).filter(Number.isFinite))).sort();
  if (all.length === 0) {
    throw new ToolError('config', { op: `figure token-rewards, ${source}`, expected: 'critic scores', got: 'none' });
  }
  const mean = all.reduce((sum, v) => sum + v, 0) / all.length;
  const distances = all.map((value) => Math.abs(value - mean)).sort();
  return { mean, reach: distances[Math.floor(0.98 * (distances.length - 1))]! || 1 };
}

function extremes({ rows }: PromptGroup, scoreOf: (row: EvalRow) => number | null) {
  let [right, wrong]: (EvalRow | undefined)[] = [];
  let [best, worst] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const row of rows) {
    const score = scoreOf(row);
    if (score === null || !Number.isFinite(score)) continue;
    if (isCorrect(row) && score > best) [right, best] = [row, score];
    if (!isCorrect(row) && score < worst) [wrong, worst] = [row, score];
  }
  return right && wrong ? { right, wrong, rightScore: best, wrongScore: worst } : undefined;
}

/** The text in pieces with the place of each on the scale of colours: tokens, or words where they are not known. */
function colouredPieces(
  row: EvalRow,
  tokens: readonly string[] | null,
  place: (reward: number) => number,
): TextPiece<number>[] {
  const scores = row.reward_model_score!;
  if (tokens !== null && tokens.length === scores.length) {
    return tokens.map((text, t) => ({ text, look: place(scores[t]!) }));
  }
  const text = row.generation.content;
  let end = 0;
  return wordsOf(text).map((word) => {
    const start = end + word.length - word.trimStart().length;
    end += word.length;
    const span = scoreSpan({ start, end }, text.length, scores.length);
    const own = scores.slice(span.start, span.end);
    return { text: word, look: place(own.reduce((sum, v) => sum + v, 0) / own.length) };
  });
}

function draw(
  shown: readonly ShownPrompt[],
  caption: readonly string[],
  mean: number,
  reach: number,
  measure: TextMeasure,
): string {
  const drawing = new SvgDrawing();
  const inner = PAGE_WIDTH - 2 * MARGIN;
  const column = (inner - GAP) / 2;
  const style = { size: SIZE };
  let y = MARGIN;
  for (const { question, right, wrong } of shown) {
    const asked = flowText(
      wordsOf(question).map((word) => ({ text: word, look: 0 })),
      inner - 8,
      8,
      style,
      measure,
    );
    const height = asked.lines * LINE + 6;
    drawing.rect(MARGIN, y, inner, height, '#f4f4f4', '#cccccc');
    for (const piece of asked.pieces) {
      drawing.text(MARGIN + 4 + piece.x, y + (piece.line + 1) * LINE, piece.text, { size: SIZE });
    }
    y += height + 4;
    const sides = [
      { x: MARGIN, title: 'correct', trace: right },
      { x: MARGIN + column + GAP, title: 'wrong', trace: wrong },
    ];
    const ends = sides.map(({ x, title, trace }) => drawTrace(drawing, title, trace, x, y, column, measure));
    y = Math.max(...ends) + 12;
  }
  y = drawScale(drawing, mean, reach, MARGIN, y, measure);
  y = drawCaption(drawing, caption, MARGIN, y + 2, inner, measure);
  return drawing.toString(PAGE_WIDTH, Math.ceil(y + MARGIN));
}

function drawTrace(
  drawing: SvgDrawing,
  title: string,
  { score, pieces }: ShownTrace,
  x: number,
  y: number,
  width: number,
  measure: TextMeasure,
): number {
  drawing.text(x, y + 10, `${title}, score ${score.toFixed(2)}`, { size: SIZE, isBold: true });
  const top = y + 15;
  const { pieces: placed, lines, leftOut } = flowText(pieces, width, MAX_LINES, { size: SIZE }, measure);
  for (const piece of placed) {
    drawing.rect(x + piece.x, top + piece.line * LINE, piece.width, LINE - 1, divergingColour(piece.look));
  }
  for (const piece of placed) {
    drawing.text(x + piece.x, top + piece.line * LINE + 8.6, piece.text, { size: SIZE });
  }
  if (leftOut === 0) return top + lines * LINE;
  drawing.text(x, top + lines * LINE + 9, `... and ${leftOut} more`, { size: SIZE, colour: MUTED });
  return top + (lines + 1) * LINE;
}

const SCALE_WIDTH = 220;
const SCALE_STEPS = 44;

function drawScale(
  drawing: SvgDrawing,
  mean: number,
  reach: number,
  x: number,
  y: number,
  measure: TextMeasure,
): number {
  const title = 'reward less the mean (logit)';
  const left = x + measure(title, { size: SIZE }) + 34;
  drawing.text(x, y + 8, title, { size: SIZE });
  for (let i = 0; i < SCALE_STEPS; i++) {
    const value = (2 * (i + 0.5)) / SCALE_STEPS - 1;
    drawing.rect(left + (i * SCALE_WIDTH) / SCALE_STEPS, y, SCALE_WIDTH / SCALE_STEPS + 0.2, 9, divergingColour(value));
  }
  drawing.text(left - 4, y + 8, (-reach).toFixed(2), { size: SIZE, anchor: 'end' });
  drawing.text(left + SCALE_WIDTH + 4, y + 8, `+${reach.toFixed(2)} (98 % of tokens are within)`, { size: SIZE });
  drawing.text(left + SCALE_WIDTH / 2, y + 18, `0: ${mean.toFixed(2)}`, {
    size: SIZE - 1,
    anchor: 'middle',
    colour: MUTED,
  });
  return y + 20;
}
