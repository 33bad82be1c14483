import { largestDrop } from '../localise/localisers.ts';
import { pack } from './pack.ts';
import {
  type BlockHead,
  type BlockRow,
  type CompletionIndex,
  type CompletionSet,
  LEVELS,
  NO_VALUE,
  SIGNALS,
  type Signal,
  type SignalScale,
} from './page-data.ts';

/** A completion with what is known of its tokens. */
export interface ReportCompletion {
  readonly prompt: string;
  /** Number of the sample, or the step of training. */
  readonly place: number;
  /** The text of each token; null where the tokenizer is not at hand. */
  readonly pieces: readonly string[] | null;
  /** The whole text; of completions with pieces, these joined. */
  readonly text: string;
  /** The critic's reward of each token, or null. */
  readonly rewards: readonly (number | null)[] | null;
  /** Log-probability of each token under the policy, nats. */
  readonly logprobs: readonly (number | null)[] | null;
  readonly advantages: readonly (number | null)[] | null;
  /** Tokens that the environment wrote. */
  readonly forced: readonly number[];
  readonly correct: boolean;
  readonly gold: string | null;
  readonly answer: string | null;
  /** Of the whole completion; null where there is none. */
  readonly score: number | null;
}

/** Completions of one evaluation, or of one stage of training. */
export interface ReportCompletions {
  readonly name: string;
  readonly completions: readonly ReportCompletion[];
  /** Completions of the files that are not among these. */
  readonly leftOut: number;
  /** Why there are no pieces; null where there are. */
  readonly withoutTokens: string | null;
}

/** All completions of a page, packed. */
export interface PackedCompletions {
  readonly index: CompletionIndex;
  /** One base64 text a block. */
  readonly blocks: readonly string[];
}

const ROWS_A_BLOCK = 250;
/** A completion is shown up to here: a longer one is a run-away, of which this is enough to see. */
const MAX_CHARACTERS = 20_000;
const MAX_PROMPT = 8_000;
const SNIPPET = 90;
/** Characters that all prompts begin with, above which the list leaves them out. */
const SHARED_MIN = 24;

/**
 * Packs completions into blocks of up to `budgetBytes` in all. What no longer fits is counted in `leftOut` of its
 * set; sets share the room evenly, in the order of their completions.
 */
export async function packCompletions(
  sets: readonly ReportCompletions[],
  runs: readonly string[],
  budgetBytes: number,
): Promise<PackedCompletions> {
  const scales = Object.fromEntries(
    SIGNALS.map((signal) => [signal, scaleOf(sets, signal)]),
  ) as CompletionIndex['signals'];
  const blocks: string[] = [];
  const starts: number[] = [];
  const kept: { set: number; one: ReportCompletion }[] = [];
  const left = sets.map(({ leftOut }) => leftOut);
  const budgetOfSet = budgetBytes / Math.max(1, sets.length);
  let unused = 0;
  for (const [set, { completions }] of sets.entries()) {
    let room = budgetOfSet + unused;
    for (let first = 0; first < completions.length; first += ROWS_A_BLOCK) {
      const some = completions.slice(first, first + ROWS_A_BLOCK);
      const block = await packBlock(some, scales);
      if (block.length > room) {
        left[set]! += completions.length - first;
        break;
      }
      room -= block.length;
      starts.push(kept.length);
      blocks.push(block);
      for (const one of some) kept.push({ set, one });
    }
    unused = room;
  }
  const snippets = new Map<string, number>();
  const prompt = kept.map(({ one }) => {
    const known = snippets.get(one.prompt) ?? snippets.size;
    snippets.set(one.prompt, known);
    return known;
  });
  const drops = kept.map(({ one }) => dropOf(one));
  return {
    blocks,
    index: {
      sets: sets.map(
        (one, set): CompletionSet => ({
          name: one.name,
          leftOut: left[set]!,
          threshold: bestThreshold(one.completions),
          withoutTokens: one.withoutTokens,
        }),
      ),
      signals: scales,
      runs,
      prompts: snippetsOf([...snippets.keys()]),
      set: kept.map(({ set }) => set),
      prompt,
      place: kept.map(({ one }) => one.place),
      verdict: kept.map(({ one }) => (one.correct ? 1 : one.answer === null ? 2 : 0)),
      reward: kept.map(({ one }) => (one.score === null ? null : rounded(one.score))),
      tokens: kept.map(({ one }) => one.pieces?.length ?? one.rewards?.length ?? 0),
      dropAt: drops.map((drop) => drop?.at ?? null),
      drop: drops.map((drop) => (drop === null ? null : rounded(drop.by))),
      blocks: starts,
    },
  };
}

/** The reward that parts correct from wrong completions best, by the mean of both accuracies; null without both. */
export function bestThreshold(
  completions: readonly { readonly correct: boolean; readonly score: number | null }[],
): number | null {
  const scored = completions
    .filter((one): one is { correct: boolean; score: number } => one.score !== null && Number.isFinite(one.score))
    .sort((a, b) => a.score - b.score);
  const right = scored.filter(({ correct }) => correct).length;
  const wrong = scored.length - right;
  if (right === 0 || wrong === 0) return null;
  let best = { value: scored[0]!.score, accuracy: 0.5 };
  let [rightBelow, wrongBelow] = [0, 0];
  scored.forEach(({ correct, score }, i) => {
    // The threshold is this score: it and those above are called correct. Ties move together.
    if (i === 0 || score !== scored[i - 1]!.score) {
      const accuracy = ((right - rightBelow) / right + wrongBelow / wrong) / 2;
      if (accuracy > best.accuracy) best = { value: score, accuracy };
    }
    if (correct) rightBelow += 1;
    else wrongBelow += 1;
  });
  return rounded(best.value);
}

async function packBlock(some: readonly ReportCompletion[], scales: CompletionIndex['signals']): Promise<string> {
  const prompts = new Map<string, number>();
  const values: number[] = [];
  const signals: number[] = [];
  const rows = some.map((one): BlockRow => {
    const cut = cutCompletion(one);
    const p = prompts.get(one.prompt) ?? prompts.size;
    prompts.set(one.prompt, p);
    const has = cut.pieces === null ? [] : SIGNALS.filter((signal) => valuesOf(one, signal) !== null);
    for (const piece of cut.pieces ?? []) values.push(piece.length);
    for (const signal of has) {
      const scale = scales[signal]!;
      const all = valuesOf(one, signal)!;
      cut.pieces!.forEach((_, t) => {
        signals.push(level(all[t] ?? null, scale));
      });
    }
    return {
      p,
      text: cut.text,
      answer: one.answer?.slice(0, SNIPPET * 4) ?? null,
      gold: one.gold?.slice(0, SNIPPET * 4) ?? null,
      n: cut.pieces?.length ?? 0,
      signals: has,
      ...(one.forced.length === 0 ? {} : { forced: one.forced }),
      ...(cut.text.length === one.text.length ? {} : { of: one.text.length }),
    };
  });
  const head: BlockHead = { prompts: [...prompts.keys()].map((text) => text.slice(0, MAX_PROMPT)), rows };
  const json = new TextEncoder().encode(JSON.stringify(head));
  const all = [...values, ...signals];
  const bytes = new Uint8Array(4 + json.length + 2 * all.length);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 4);
  // Low and high bytes apart: the high ones are alike and pack well.
  all.forEach((value, i) => {
    bytes[4 + json.length + i] = value & 0xff;
    bytes[4 + json.length + all.length + i] = value >> 8;
  });
  return pack(bytes);
}

function cutCompletion({ text, pieces }: ReportCompletion): { text: string; pieces: readonly string[] | null } {
  if (text.length <= MAX_CHARACTERS) return { text, pieces };
  if (pieces === null) return { text: text.slice(0, MAX_CHARACTERS), pieces };
  let length = 0;
  let count = 0;
  while (count < pieces.length && length + pieces[count]!.length <= MAX_CHARACTERS) length += pieces[count++]!.length;
  return { text: text.slice(0, length), pieces: pieces.slice(0, count) };
}

function valuesOf(one: ReportCompletion, signal: Signal): readonly (number | null)[] | null {
  if (signal === 'reward') return one.rewards;
  return signal === 'logprob' ? one.logprobs : one.advantages;
}

function level(value: number | null, { low, high }: SignalScale): number {
  if (value === null || !Number.isFinite(value)) return NO_VALUE;
  const share = high > low ? (value - low) / (high - low) : 0;
  return Math.round(LEVELS * Math.max(0, Math.min(1, share)));
}

/**
 * One scale for all completions, so that colours compare. Rewards are coloured by their distance to the mean, the
 * others by that to 0; 95 % of the tokens stay within the reach.
 */
function scaleOf(sets: readonly ReportCompletions[], signal: Signal): SignalScale | null {
  const all: number[] = [];
  let [low, high, sum] = [Infinity, -Infinity, 0];
  for (const { completions } of sets) {
    for (const one of completions) {
      for (const value of valuesOf(one, signal) ?? []) {
        if (value === null || !Number.isFinite(value)) continue;
        all.push(value);
        sum += value;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
  }
  if (all.length === 0) return null;
  const centre = signal === 'reward' ? sum / all.length : 0;
  const distances = Float64Array.from(all, (value) => Math.abs(value - centre)).sort();
  const reach = distances[Math.floor(0.95 * (distances.length - 1))]! || distances.at(-1)! || 1;
  // A single value far off, such as the log-probability of what cannot be, would take all levels for itself.
  const bounds = [Math.max(low, centre - 20 * reach), Math.min(high, centre + 20 * reach)] as const;
  return { low: rounded(bounds[0]), high: rounded(bounds[1]), centre: rounded(centre), reach: rounded(reach) };
}

/** Where the critic sees the first error: after the largest fall; null where the reward never falls. */
function dropOf({ rewards }: ReportCompletion): { at: number; by: number } | null {
  if (rewards === null || rewards.length < 2 || !rewards.every((value) => value !== null && Number.isFinite(value))) {
    return null;
  }
  const scores = rewards as readonly number[];
  const at = largestDrop(scores);
  const by = scores[at - 1]! - scores[at]!;
  return by > 0 ? { at, by } : null;
}

/** Beginnings of prompts; what all of them begin with, such as an instruction, tells none from another. */
function snippetsOf(prompts: readonly string[]): string[] {
  const shared =
    prompts.length < 2 ? 0 : prompts.reduce((length, prompt) => sharedLength(prompts[0]!, prompt, length), Infinity);
  // To the last border of words, and only where it is worth an ellipsis.
  const from = Math.max(0, (prompts[0] ?? '').slice(0, shared).search(/\S*$/));
  return prompts.map((prompt) => {
    const own = from > SHARED_MIN ? `…${prompt.slice(from)}` : prompt;
    const line = own
      .slice(0, 4 * SNIPPET)
      .replace(/\s+/g, ' ')
      .trim();
    return line.length > SNIPPET ? `${line.slice(0, SNIPPET)}…` : line;
  });
}

function sharedLength(a: string, b: string, most: number): number {
  const end = Math.min(a.length, b.length, most);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
