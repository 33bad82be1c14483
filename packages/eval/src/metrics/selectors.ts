/** The completion positions [start, end) of the answer. */
export interface AnswerSpan {
  readonly start: number;
  readonly end: number;
}

type Selector = (scores: readonly number[], answer?: AnswerSpan) => number;

function mean(scores: readonly number[]): number {
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** In a typed array, whose sort is several times faster than one with a comparison function. */
function ascending(scores: readonly number[]): Float64Array {
  return Float64Array.from(scores).sort();
}

function weightedMean(scores: readonly number[], weight: (score: number, t: number) => number): number {
  let total = 0;
  let sum = 0;
  scores.forEach((score, t) => {
    const w = weight(score, t);
    total += w;
    sum += w * score;
  });
  return sum / total;
}

function powerMean(scores: readonly number[], power: number): number {
  const low = scores.reduce((a, b) => Math.min(a, b));
  // A power mean needs positive values: shift up, and back down afterwards.
  const shift = low <= 0 ? 1e-8 - low : 0;
  return mean(scores.map((score) => (score + shift) ** power)) ** (1 / power) - shift;
}

/** Each way to turn the scores of a completion's tokens into one score. */
const SELECTORS = {
  mean,
  /** The last token weighs 1, the one before .95, and so on back. */
  'discounted-mean': (scores) => weightedMean(scores, (_, t) => 0.95 ** (scores.length - 1 - t)),
  last: (scores) => scores.at(-1) ?? Number.NaN,
  'last-3': (scores) => mean(scores.slice(-3)),
  'top-3': (scores) => mean([...ascending(scores).slice(-3)]),
  'softmax-2': (scores) => {
    const peak = scores.reduce((a, b) => Math.max(a, b));
    return weightedMean(scores, (score) => Math.exp(2 * (score - peak)));
  },
  'power-2': (scores) => powerMean(scores, 2),
  'trimmed-10': (scores) => {
    const cut = Math.floor(scores.length / 10);
    return mean([...ascending(scores).slice(cut, scores.length - cut)]);
  },
  /** The answer's tokens weigh 2; without a known span, the last fifth does. */
  'answer-2': (scores, answer) => {
    const span = answer ?? { start: Math.floor(scores.length * 0.8), end: scores.length };
    return weightedMean(scores, (_, t) => (t >= span.start && t < span.end ? 2 : 1));
  },
} satisfies Record<string, Selector>;

export type SelectorName = keyof typeof SELECTORS;

export const SELECTOR_NAMES = Object.keys(SELECTORS) as SelectorName[];

/** One score from the scores of T tokens; NaN when T = 0 or any score is not finite. */
export function selectScore(name: SelectorName, scores: readonly number[], answer?: AnswerSpan): number {
  if (scores.length === 0 || !scores.every(Number.isFinite)) return Number.NaN;
  const selector: Selector = SELECTORS[name];
  return selector(scores, answer);
}

/**
 * Where the answer stands among T scores: the tokens that the answer's characters are proportionally the share of
 * (floor of the start, ceiling of the end), since a row holds ids and not where each token's text begins. Undefined
 * without an answer between tags.
 */
export function answerSpan(text: string, tokens: number): AnswerSpan | undefined {
  const open = text.lastIndexOf(OPEN_TAG);
  const start = open + OPEN_TAG.length;
  const close = open < 0 ? -1 : text.indexOf('</answer>', start);
  if (close <= start) return undefined;
  return {
    start: Math.floor((start / text.length) * tokens),
    end: Math.ceil((close / text.length) * tokens),
  };
}

const OPEN_TAG = '<answer>';
