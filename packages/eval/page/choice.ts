import type { CompletionIndex } from '../src/report/page-data.ts';

export type Verdict = 'all' | 'correct' | 'wrong' | 'unanswered' | 'disagree';
export type Order = 'file' | 'high' | 'low' | 'disagree' | 'drop' | 'long';

/** What the reader asked for. */
export interface Wish {
  readonly set: number | null;
  readonly verdict: Verdict;
  /** Bounds of the reward; null for none. Completions without a reward are outside of any bound. */
  readonly from: number | null;
  readonly to: number | null;
  /** Those of this prompt only; null for all. */
  readonly prompt: number | null;
  /** Completions that hold the searched text; null without a search. */
  readonly found: ReadonlySet<number> | null;
  readonly order: Order;
}

/** The completions that are meant, in the order asked for. */
export function chosen(index: CompletionIndex, wish: Wish): number[] {
  const picked: number[] = [];
  for (let i = 0; i < index.set.length; i++) {
    if (wish.set !== null && index.set[i] !== wish.set) continue;
    if (wish.prompt !== null && index.prompt[i] !== wish.prompt) continue;
    if (!hasVerdict(index, i, wish.verdict)) continue;
    const reward = index.reward[i]!;
    if (wish.from !== null && !(reward !== null && reward >= wish.from)) continue;
    if (wish.to !== null && !(reward !== null && reward <= wish.to)) continue;
    if (wish.found !== null && !wish.found.has(i)) continue;
    picked.push(i);
  }
  const key = KEYS[wish.order];
  if (key === undefined) return picked;
  // The largest first; completions without the number come last.
  const keys = new Map(picked.map((i) => [i, key(index, i) ?? Number.NEGATIVE_INFINITY]));
  return picked.sort((a, b) => {
    const [x, y] = [keys.get(a)!, keys.get(b)!];
    return x === y ? a - b : y > x ? 1 : -1;
  });
}

const KEYS: Readonly<Partial<Record<Order, (index: CompletionIndex, i: number) => number | null>>> = {
  high: (index, i) => index.reward[i]!,
  low: (index, i) => negated(index.reward[i]!),
  drop: (index, i) => index.drop[i]!,
  long: (index, i) => index.tokens[i]!,
  disagree: (index, i) => disagreement(index, i),
};

function negated(value: number | null): number | null {
  return value === null ? null : -value;
}

/** By how much the reward is on the wrong side of its set's threshold; below 0 on the right one. */
export function disagreement(index: CompletionIndex, i: number): number | null {
  const reward = index.reward[i]!;
  const threshold = index.sets[index.set[i]!]!.threshold;
  if (reward === null || threshold === null) return null;
  const above = reward - threshold;
  return index.verdict[i] === 1 ? -above : above;
}

function hasVerdict(index: CompletionIndex, i: number, verdict: Verdict): boolean {
  if (verdict === 'all') return true;
  if (verdict === 'correct') return index.verdict[i] === 1;
  if (verdict === 'wrong') return index.verdict[i] !== 1;
  if (verdict === 'unanswered') return index.verdict[i] === 2;
  const threshold = index.sets[index.set[i]!]!.threshold;
  const reward = index.reward[i]!;
  return threshold !== null && reward !== null && reward >= threshold !== (index.verdict[i] === 1);
}
