import type { EvalRow, ReportCompletion, ReportCompletions } from '@dawngrad/eval';
import type { Tokenizer } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import { openCodecModel } from '../data/open-codec-model.ts';
import { shownSample } from '../samples/shown-sample.ts';

/** A tokenizer, or why there is none. */
export type FoundTokenizer = { readonly tokenizer: Tokenizer } | { readonly why: string };

/** The tokenizer of the first of some models that is at hand. */
export async function findTokenizer(places: readonly (string | null)[]): Promise<FoundTokenizer> {
  const tried: string[] = [];
  for (const place of places) {
    if (place === null || tried.includes(place)) continue;
    tried.push(place);
    try {
      return { tokenizer: (await openCodecModel(place)).tokenizer };
    } catch (error) {
      // A run without a checkpoint, or a model that was moved.
      if (!(error instanceof ToolError)) throw error;
    }
  }
  return { why: tried.length === 0 ? 'the model is not known' : `no tokenizer at ${tried.join(' or ')}` };
}

/** Evaluated rows as the page shows them. */
export function completionsOfRows(
  name: string,
  rows: readonly EvalRow[],
  found: FoundTokenizer,
  scoreOf: (row: EvalRow) => number | null,
): ReportCompletions {
  const completions = rows.map((row): ReportCompletion => {
    const pieces = piecesOf(row.completion_ids, found);
    const score = scoreOf(row);
    return {
      prompt: row.prompt.at(-1)?.content ?? '',
      place: row.generation_idx,
      pieces,
      text: pieces?.join('') ?? row.generation.content,
      rewards: row.reward_model_score,
      logprobs: row.policy_log_probs,
      advantages: null,
      forced: row.forced ?? [],
      correct: row.correctness_reward_func > 0,
      gold: row.gold,
      answer: row.answer,
      score: score !== null && Number.isFinite(score) ? score : null,
    };
  });
  const isWithout = completions.every(({ pieces }) => pieces === null);
  return { name, completions, leftOut: 0, withoutTokens: isWithout ? whyWithout(rows, found) : null };
}

/** Logged samples of training as the page shows them. */
export function completionsOfSamples(
  name: string,
  rows: readonly Readonly<Record<string, unknown>>[],
  found: FoundTokenizer,
): ReportCompletions {
  const completions = rows.flatMap((row): ReportCompletion[] => {
    const sample = shownSample(row);
    if (sample === undefined) return [];
    const { prompt, completion, step, ids, tokenRewards, isCorrect, gold, answer, reward } = sample;
    const pieces = piecesOf(ids, found);
    // A flag a token here; positions in evaluated rows.
    const forced = Array.isArray(row.forced) ? row.forced.flatMap((flag, t) => (flag === 1 ? [t] : [])) : [];
    const advantages = Array.isArray(row.advantages) ? (row.advantages as (number | null)[]) : [];
    return [
      {
        prompt,
        place: step ?? 0,
        pieces,
        text: pieces?.join('') ?? completion,
        rewards: tokenRewards.length === 0 ? null : tokenRewards,
        logprobs: null,
        advantages: advantages.length === 0 ? null : advantages,
        forced,
        correct: isCorrect,
        gold,
        answer,
        score: reward !== null && Number.isFinite(reward) ? reward : null,
      },
    ];
  });
  const isWithout = completions.every(({ pieces }) => pieces === null);
  return {
    name,
    completions,
    leftOut: rows.length - completions.length,
    withoutTokens: isWithout ? whyWithout(rows, found) : null,
  };
}

function piecesOf(ids: readonly number[] | null, found: FoundTokenizer): string[] | null {
  if (ids === null || ids.length === 0 || !('tokenizer' in found)) return null;
  try {
    return found.tokenizer.pieces(ids);
  } catch (error) {
    // Ids of another tokenizer than the one that was found.
    if (error instanceof ToolError) return null;
    throw error;
  }
}

function whyWithout(rows: readonly object[], found: FoundTokenizer): string {
  if (rows.length === 0) return 'there are no completions';
  if ('why' in found) return found.why;
  return 'the file holds texts without token ids, or ids of another tokenizer';
}

/** At most `most` of the completions, by whole prompts spread evenly over the file; the others are counted. */
export function withinLimit(set: ReportCompletions, most: number): ReportCompletions {
  const { completions } = set;
  if (completions.length <= most) return set;
  const groups: ReportCompletion[][] = [];
  for (const one of completions) {
    const last = groups.at(-1);
    if (last?.[0]?.prompt === one.prompt) last.push(one);
    else groups.push([one]);
  }
  const kept = Math.max(1, Math.floor((groups.length * most) / completions.length));
  const some = Array.from({ length: kept }, (_, i) => groups[Math.floor((i * groups.length) / kept)]!).flat();
  return {
    ...set,
    completions: some.slice(0, most),
    leftOut: set.leftOut + completions.length - Math.min(most, some.length),
  };
}
