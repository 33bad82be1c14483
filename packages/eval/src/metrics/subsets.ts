import { Rng } from '@dawngrad/tensor';
import { successAtK } from './success-at-k.ts';
import { majorityShare } from './vote.ts';

/** C(n, k), exact while it is below 2^53. */
export function binomial(n: number, k: number): number {
  if (k < 0 || k > n) return 0;
  let value = 1;
  for (let i = 1; i <= Math.min(k, n - k); i++) value = (value * (n - Math.min(k, n - k) + i)) / i;
  return Math.round(value);
}

/**
 * The chance that the best-scored of `size` samples is correct, over all ways to draw `size` of the n samples: in
 * closed form, ties averaged, non-finite scores last. With s samples scored below a group of b equal ones, that group
 * decides in C(s+b, size) - C(s, size) of the C(n, size) draws.
 */
export function expectedBest(scores: ArrayLike<number>, correct: readonly boolean[], size: number): number {
  const n = correct.length;
  const value = (i: number): number => (Number.isFinite(scores[i]) ? scores[i]! : Number.NEGATIVE_INFINITY);
  const order = Array.from(correct, (_, i) => i).sort((a, b) =>
    value(a) < value(b) ? -1 : Number(value(a) > value(b)),
  );
  let chance = 0;
  for (let start = 0; start < n; ) {
    let end = start;
    let right = 0;
    for (; end < n && value(order[end]!) === value(order[start]!); end++) if (correct[order[end]!]) right++;
    if (right > 0) chance += (right / (end - start)) * (share(end, size, n) - share(start, size, n));
    start = end;
  }
  return chance;
}

/** C(s, size) / C(n, size), without large numbers. */
function share(s: number, size: number, n: number): number {
  if (s < size) return 0;
  let ratio = 1;
  for (let j = 0; j < size; j++) ratio *= (s - j) / (n - j);
  return ratio;
}

/**
 * The chance that majority vote among `size` samples is correct, over all ways to draw them: exact, by counting draws
 * by how many votes win and how many answers share them. Answers with equally many votes are equally likely; samples
 * without an answer do not vote, and are drawn from at random where no sample has one.
 */
export function expectedMajority(
  answers: readonly (string | null)[],
  correct: readonly boolean[],
  size: number,
): number {
  if (size === answers.length) return successAtK(majorityShare(answers), correct, 1);
  const groups = new Map<string, { count: number; right: number }>();
  let silent = { count: 0, right: 0 };
  answers.forEach((answer, i) => {
    const group = (answer === null ? undefined : groups.get(answer)) ?? { count: 0, right: 0 };
    const next = answer === null ? silent : group;
    const grown = { count: next.count + 1, right: next.right + Number(correct[i]) };
    if (answer === null) silent = grown;
    else groups.set(answer, grown);
  });
  const draws = binomial(answers.length, size);
  // No sample of the draw has an answer.
  let chance = silent.count === 0 ? 0 : (binomial(silent.count, size) / draws) * (silent.right / silent.count);
  for (let votes = 1; votes <= size; votes++) {
    const most = Math.floor(size / votes);
    // ways[s * (most + 1) + t]: draws of s samples, of which t answers have `votes` votes and none has more;
    // right: the sum over these draws of the winners' shares of correct samples.
    const width = most + 1;
    let ways = new Float64Array((size + 1) * width);
    let right = new Float64Array((size + 1) * width);
    ways[0] = 1;
    const add = (count: number, share: number, canWin: boolean): void => {
      const [nextWays, nextRight] = [new Float64Array(ways.length), new Float64Array(right.length)];
      for (let s = 0; s <= size; s++) {
        for (let t = 0; t < width; t++) {
          const [w, r] = [ways[s * width + t]!, right[s * width + t]!];
          if (w === 0) continue;
          for (let take = 0; take <= Math.min(count, size - s); take++) {
            if (canWin && take > votes) break;
            const wins = canWin && take === votes ? 1 : 0;
            if (t + wins > most) continue;
            const choices = binomial(count, take);
            const at = (s + take) * width + t + wins;
            nextWays[at]! += w * choices;
            nextRight[at]! += (r + wins * w * share) * choices;
          }
        }
      }
      [ways, right] = [nextWays, nextRight];
    };
    for (const { count, right: good } of groups.values()) add(count, good / count, true);
    if (silent.count > 0) add(silent.count, 0, false);
    for (let t = 1; t <= most; t++) chance += right[size * width + t]! / t / draws;
  }
  return chance;
}

/** With more draws than these, some of them are drawn. */
const MOST_SUBSETS = 20_000;
const DRAWN_SUBSETS = 4096;
const STREAM = 0x73756273;

/** Whether `expectedWeightedMajority` goes through all draws of `size` of n samples, or through a part of them. */
export function isEnumerated(n: number, size: number): boolean {
  return binomial(n, size) <= MOST_SUBSETS;
}

/**
 * The chance that a vote among `size` samples, each weighing exp(score), is correct, over all ways to draw them; where
 * there are more than 20,000, over 4,096 of them, drawn by a fixed seed. A non-finite score weighs nothing. Samples
 * without an answer, or whose answer has no weight, cannot win against one that has.
 */
export function expectedWeightedMajority(
  answers: readonly (string | null)[],
  scores: ArrayLike<number>,
  correct: readonly boolean[],
  size: number,
): number {
  const n = answers.length;
  const names = [...new Set(answers.filter((answer) => answer !== null))];
  const groupOf = Int32Array.from(answers, (answer) => (answer === null ? names.length : names.indexOf(answer)));
  const draw = new VoteDraw(names.length, size);
  const choose = (i: number, weight: number): void => draw.add(groupOf[i]!, weight, correct[i] ? 1 : 0);
  const weightsOf = softWeights(scores);
  if (!isEnumerated(n, size)) return meanOfDraws(someDraws(n, size), size, draw, choose, weightsOf);
  const whole = Uint16Array.from({ length: n }, (_, i) => i);
  const shared = weightsOf.isNarrow ? weightsOf(whole) : undefined;
  if (shared === undefined) return meanOfDraws(allDraws(n, size), size, draw, choose, weightsOf);
  let sum = 0;
  const extend = (depth: number, first: number): void => {
    const last = n - size + depth;
    if (depth === size - 1) {
      draw.findLeaders();
      for (let i = first; i <= last; i++) sum += draw.chanceWith(groupOf[i]!, shared[i]!, correct[i] ? 1 : 0);
      return;
    }
    for (let i = first; i <= last; i++) {
      const group = groupOf[i]!;
      const before = draw.totals[group]!;
      choose(i, shared[i]!);
      extend(depth + 1, i + 1);
      // The total from before, not a difference: sums of many weights would drift.
      draw.remove(group, before, correct[i] ? 1 : 0);
    }
  };
  extend(0, 0);
  return sum / binomial(n, size);
}

/** The mean over draws, each `size` places one behind the other. */
function meanOfDraws(
  draws: Uint16Array,
  size: number,
  draw: VoteDraw,
  choose: (i: number, weight: number) => void,
  weightsOf: (chosen: Uint16Array) => Float64Array,
): number {
  let sum = 0;
  for (let start = 0; start < draws.length; start += size) {
    const chosen = draws.subarray(start, start + size);
    const own = weightsOf(chosen);
    draw.clear();
    for (let i = 0; i < size; i++) choose(chosen[i]!, own[i]!);
    sum += draw.chance();
  }
  return sum / (draws.length / size);
}

/** All draws of `size` of n places. */
function allDraws(n: number, size: number): Uint16Array {
  const draws = new Uint16Array(binomial(n, size) * size);
  const chosen = Uint16Array.from({ length: size }, (_, i) => i);
  for (let start = 0; start < draws.length; start += size) {
    draws.set(chosen, start);
    let place = size - 1;
    while (place > 0 && chosen[place] === n - size + place) place--;
    chosen[place]! += 1;
    for (let i = place + 1; i < size; i++) chosen[i] = chosen[i - 1]! + 1;
  }
  return draws;
}

/** The draws of the last n and size: every prompt of an evaluation asks for the same ones. */
let lastDrawn: { readonly n: number; readonly size: number; readonly draws: Uint16Array } | undefined;

/** Some draws of `size` of n places, each the first places of a partial shuffle. */
function someDraws(n: number, size: number): Uint16Array {
  if (lastDrawn?.n === n && lastDrawn.size === size) return lastDrawn.draws;
  const rng = new Rng(size, STREAM);
  const pool = Uint16Array.from({ length: n }, (_, i) => i);
  const draws = new Uint16Array(DRAWN_SUBSETS * size);
  for (let step = 0; step < DRAWN_SUBSETS; step++) {
    for (let i = 0; i < size; i++) {
      const other = i + rng.integer(step, i, n - i);
      [pool[i], pool[other]] = [pool[other]!, pool[i]!];
    }
    draws.set(pool.subarray(0, size), step * size);
  }
  lastDrawn = { n, size, draws };
  return draws;
}

/** Sums of the same weights in another order differ in their last bits; such answers tie. */
const TIE = 1e-12;

/** The votes of the samples that are drawn, by answer; the last group is of those without an answer. */
class VoteDraw {
  readonly totals: Float64Array;
  readonly #size: number;
  readonly #counts: Uint16Array;
  readonly #rights: Uint16Array;
  #right = 0;
  #first = -1;
  #second = -1;

  constructor(answers: number, size: number) {
    this.#size = size;
    this.totals = new Float64Array(answers + 1);
    this.#counts = new Uint16Array(answers + 1);
    this.#rights = new Uint16Array(answers + 1);
  }

  clear(): void {
    this.totals.fill(0);
    this.#counts.fill(0);
    this.#rights.fill(0);
    this.#right = 0;
  }

  add(group: number, weight: number, right: number): void {
    this.totals[group]! += weight;
    this.#counts[group]! += 1;
    this.#rights[group]! += right;
    this.#right += right;
  }

  remove(group: number, totalBefore: number, right: number): void {
    this.totals[group] = totalBefore;
    this.#counts[group]! -= 1;
    this.#rights[group]! -= right;
    this.#right -= right;
  }

  /** Notes the two answers with the largest totals, for `chanceWith`. */
  findLeaders(): void {
    const { totals } = this;
    this.#first = -1;
    this.#second = -1;
    for (let group = 0; group < totals.length - 1; group++) {
      if (this.#first < 0 || totals[group]! > totals[this.#first]!) {
        this.#second = this.#first;
        this.#first = group;
      } else if (this.#second < 0 || totals[group]! > totals[this.#second]!) this.#second = group;
    }
  }

  /** `chance` with one more sample, after `findLeaders`: without going through all answers where none tie. */
  chanceWith(group: number, weight: number, right: number): number {
    const { totals } = this;
    const rival = group === this.#first ? this.#second : this.#first;
    const mine = totals[group]! + weight;
    const theirs = rival < 0 ? 0 : totals[rival]!;
    if (group < totals.length - 1) {
      if (mine * (1 - TIE) > theirs) return (this.#rights[group]! + right) / (this.#counts[group]! + 1);
      const third = this.#first === rival ? this.#second : -1;
      const others = third < 0 || third === group ? 0 : totals[third]!;
      if (theirs * (1 - TIE) > mine && group !== this.#first && theirs * (1 - TIE) > others) {
        return this.#rights[rival]! / this.#counts[rival]!;
      }
    }
    const before = totals[group]!;
    this.add(group, weight, right);
    const chance = this.chance();
    this.remove(group, before, right);
    return chance;
  }

  /** The chance that the winner is correct: samples of the answers with the largest total are equally likely. */
  chance(): number {
    const { totals } = this;
    const answers = totals.length - 1;
    let best = 0;
    for (let group = 0; group < answers; group++) if (totals[group]! > best) best = totals[group]!;
    if (best === 0) return this.#right / this.#size;
    const least = best * (1 - TIE);
    let [winners, right] = [0, 0];
    for (let group = 0; group < answers; group++) {
      if (totals[group]! < least) continue;
      winners += this.#counts[group]!;
      right += this.#rights[group]!;
    }
    return right / winners;
  }
}

/** exp(score) of chosen samples on a scale on which the largest is 1; `isNarrow` where one scale serves all draws. */
function softWeights(scores: ArrayLike<number>): ((chosen: Uint16Array) => Float64Array) & { isNarrow: boolean } {
  const finite = Array.from(scores).filter(Number.isFinite);
  const [low, high] = [finite.reduce((a, b) => Math.min(a, b), 0), finite.reduce((a, b) => Math.max(a, b), 0)];
  const weights = (chosen: Uint16Array): Float64Array => {
    let peak = Number.NEGATIVE_INFINITY;
    for (const i of chosen) if (Number.isFinite(scores[i])) peak = Math.max(peak, scores[i]!);
    return Float64Array.from(chosen, (i) => (Number.isFinite(scores[i]) ? Math.exp(scores[i]! - peak) : 0));
  };
  // exp(-745) is 0 in float64: beyond it, a draw without the largest score would have no weight at all.
  return Object.assign(weights, { isNarrow: high - low < 600 });
}
